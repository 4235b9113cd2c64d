/// ReLU in plain loops.
#pragma once

#include "reference/core/tensor.h"
#include "reference/cpu/checks.h"

namespace convoy::cpu::naive {

/// y = max(x, 0), NaN where x is NaN. Any shape.
template <class T>
void relu_forward(View<const T> x, View<T> y) {
  check_shape("naive::relu_forward", "y", y.shape, x.shape);
  for (std::int64_t i = 0; i < x.count(); ++i) y.data[i] = x.data[i] < 0 ? T{} : x.data[i];
}

/// dx = dy where y > 0, else 0. Any shape; dx overwritten.
template <class T>
void relu_backward_input(View<const T> dy, View<const T> y, View<T> dx) {
  check_shape("naive::relu_backward_input", "dy", dy.shape, y.shape);
  check_shape("naive::relu_backward_input", "dx", dx.shape, y.shape);
  for (std::int64_t i = 0; i < y.count(); ++i) dx.data[i] = y.data[i] <= 0 ? T{} : dy.data[i];
}

}  // namespace convoy::cpu::naive
