/// What lesson 3 works on: parts of tensors, cut out and added where they belong, and a small network.
#pragma once

#include <cmath>

#include "reference/core/box.h"
#include "reference/core/tensor.h"
#include "reference/cpu/naive/kernels.h"
#include "reference/model/builder.h"

namespace convoy::lesson {

inline int first(const Slice& slice) { return static_cast<int>(slice.offset); }

/// A copy of the elements of `whole` in `box`, which has all columns.
inline Tensor<double> cut(const Tensor<double>& whole, const Box& box) {
  Tensor<double> part(box.shape());
  const Shape& s = part.shape();
  cpu::naive::copy_part<double>(
      whole.view(), part.view(),
      {.from_n = first(box.n), .from_c = first(box.c), .from_h = first(box.h), .n = s.n, .c = s.c, .h = s.h});
  return part;
}

/// whole += part, at `box`, which has all columns.
inline void add_at(const Box& box, const Tensor<double>& part, Tensor<double>& whole) {
  const Shape& s = part.shape();
  cpu::naive::add_part<double>(part.view(), whole.view(),
                               {.to_n = first(box.n), .to_c = first(box.c), .to_h = first(box.h), .n = s.n, .c = s.c, .h = s.h});
}

/// A tensor whose elements are all different.
inline Tensor<double> all_different(const Shape& shape, double step) {
  Tensor<double> tensor(shape);
  for (std::int64_t i = 0; i < tensor.count(); ++i) tensor.data()[i] = std::sin(step * static_cast<double>(i) + 0.1);
  return tensor;
}

/// A network to train in no time. Its rows, 13 and 6, do not divide by 4 or 3.
inline Model small_network() {
  ModelBuilder net("small", {1, 4, 13, 12}, 4);
  net.add("conv1", Conv2d{8, square_window(3, 1, 1)});
  net.add("relu1", ReLU{});
  net.add("pool", MaxPool2d{square_window(2, 2)});
  net.add("conv2", Conv2d{12, square_window(3, 1, 1)});
  net.add("relu2", ReLU{});
  net.add("flatten", Flatten{});
  net.add("fc", Linear{4});
  return net.finish();
}

}  // namespace convoy::lesson
