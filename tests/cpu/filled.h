/// Tensors with a different value at every index.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "reference/core/random.h"
#include "reference/core/tensor.h"
#include "tests/cpu/operands.h"

namespace convoy::test {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

template <class T>
Tensor<T> filled(const Shape& shape, std::uint64_t seed) {
  Tensor<T> tensor(shape);
  Random random(seed);
  const std::vector<double> values = different_values(shape.count(), random);
  std::transform(values.begin(), values.end(), tensor.data(), [](double v) { return static_cast<T>(static_cast<float>(v)); });
  return tensor;
}

}  // namespace convoy::test
