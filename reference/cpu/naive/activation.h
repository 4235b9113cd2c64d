/// The element-wise functions of Activation in plain loops.
#pragma once

#include <cmath>

#include "reference/core/tensor.h"
#include "reference/cpu/checks.h"
#include "reference/model/layer.h"

namespace convoy::cpu::naive {

/// function(x), NaN for NaN.
template <class T>
T activate(ActivationFunction function, T x) {
  using std::exp, std::tanh;
  const auto hard_sigmoid = [](T v) { return v < T(-3) ? T(0) : v > T(3) ? T(1) : (v + T(3)) / T(6); };
  switch (function) {
    case ActivationFunction::relu6: return x < T(0) ? T(0) : x > T(6) ? T(6) : x;
    case ActivationFunction::sigmoid: return T(1) / (T(1) + exp(-x));
    case ActivationFunction::tanh: return tanh(x);
    case ActivationFunction::hard_sigmoid: return hard_sigmoid(x);
    case ActivationFunction::hard_swish: return x * hard_sigmoid(x);
    case ActivationFunction::silu: return x / (T(1) + exp(-x));
  }
  return x;
}

/// The derivative, from y = function(x) where differentiates_output(function), else from x.
template <class T>
T derivative(ActivationFunction function, T source) {
  using std::exp;
  switch (function) {
    case ActivationFunction::relu6: return source <= T(0) || source >= T(6) ? T(0) : T(1);
    case ActivationFunction::sigmoid: return source * (T(1) - source);
    case ActivationFunction::tanh: return T(1) - source * source;
    case ActivationFunction::hard_sigmoid: return source <= T(0) || source >= T(1) ? T(0) : T(1) / T(6);
    case ActivationFunction::hard_swish: return source < T(-3) ? T(0) : source > T(3) ? T(1) : source / T(3) + T(1) / T(2);
    case ActivationFunction::silu: {
      const T s = T(1) / (T(1) + exp(-source));
      return s * (T(1) + source * (T(1) - s));
    }
  }
  return T(0);
}

/// y = function(x). Any shape; y may be x.
template <class T>
void activation_forward(View<const T> x, View<T> y, ActivationFunction function) {
  check_shape("naive::activation_forward", "y", y.shape, x.shape);
  for (std::int64_t i = 0; i < x.count(); ++i) y.data[i] = activate(function, x.data[i]);
}

/// dx = dy function'(x), overwritten; `source` as in derivative(). Any shape.
template <class T>
void activation_backward_input(View<const T> dy, View<const T> source, View<T> dx, ActivationFunction function) {
  check_shape("naive::activation_backward_input", "dy", dy.shape, source.shape);
  check_shape("naive::activation_backward_input", "dx", dx.shape, source.shape);
  for (std::int64_t i = 0; i < dy.count(); ++i) dx.data[i] = dy.data[i] * derivative(function, source.data[i]);
}

}  // namespace convoy::cpu::naive
