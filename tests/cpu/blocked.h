/// Tensors in the layout nChw16c for tests: made from plain ones, poisoned, and looked at again.
#pragma once

#include <cmath>
#include <limits>

#include "reference/cpu/blocked/kernels.h"
#include "tests/cpu/operands.h"

namespace convoy::test {

/// The values rounded to float.
inline Tensor<float> rounded(const Tensor<double>& tensor) {
  Tensor<float> result(tensor.shape());
  std::transform(tensor.data(), tensor.data() + tensor.count(), result.data(), [](double v) { return static_cast<float>(v); });
  return result;
}

/// A blocked tensor that owns its memory, full of NaN, lanes of padding too, until something is written.
class BlockedTensor {
 public:
  explicit BlockedTensor(const Shape& shape)
      : shape_(shape),
        memory_({1, 1, 1, static_cast<int>(cpu::blocked::blocked_count(shape))}, std::numeric_limits<float>::quiet_NaN()) {}
  explicit BlockedTensor(const Tensor<float>& plain) : BlockedTensor(plain.shape()) {
    memory_.fill(0);
    for_each([&](int n, int c, int h, int w) { element(n, c, h, w) = plain.view()(n, c, h, w); });
  }
  [[nodiscard]] cpu::blocked::BlockedView<float> view() { return {memory_.data(), shape_}; }
  [[nodiscard]] cpu::blocked::BlockedView<const float> view() const { return {memory_.data(), shape_}; }
  /// The values, element by element and not by the kernel that is under test.
  [[nodiscard]] Tensor<float> plain() {
    Tensor<float> result(shape_);
    for_each([&](int n, int c, int h, int w) { result.view()(n, c, h, w) = element(n, c, h, w); });
    return result;
  }
  /// All lanes behind the last channel are 0.
  [[nodiscard]] bool padding_is_zero() {
    const int channels = cpu::blocked::blocks_of(shape_.c) * cpu::blocked::kBlock;
    for (int n = 0; n < shape_.n; ++n)
      for (int c = shape_.c; c < channels; ++c)
        for (int h = 0; h < shape_.h; ++h)
          for (int w = 0; w < shape_.w; ++w)
            if (!(element(n, c, h, w) == 0)) return false;
    return true;
  }

 private:
  float& element(int n, int c, int h, int w) {
    const std::int64_t block =
        (std::int64_t{n} * cpu::blocked::blocks_of(shape_.c) + c / cpu::blocked::kBlock) * shape_.h * shape_.w;
    return memory_.data()[(block + std::int64_t{h} * shape_.w + w) * cpu::blocked::kBlock + c % cpu::blocked::kBlock];
  }
  template <class Visit>
  void for_each(const Visit& visit) const {
    for (int n = 0; n < shape_.n; ++n)
      for (int c = 0; c < shape_.c; ++c)
        for (int h = 0; h < shape_.h; ++h)
          for (int w = 0; w < shape_.w; ++w) visit(n, c, h, w);
  }

  Shape shape_;
  Tensor<float> memory_;
};

}  // namespace convoy::test
