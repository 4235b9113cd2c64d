/// Rung 1: the definition. The mean, then the mean of squared distances from it, then the normalised values: x is read three
/// times. Sums in double, one after another.
#pragma once

#include <cmath>

#include "reference/core/tensor.h"

namespace convoy::cpu::ladder {

/// y = (x - mean) / sqrt(variance + epsilon), by channel. x, y: [N,C,H,W], y overwritten.
inline void batch_norm2d_1_three_passes(View<const float> x, double epsilon, View<float> y) {
  const std::int64_t pixels = std::int64_t{x.shape.h} * x.shape.w;
  const auto count = static_cast<double>(x.shape.n * pixels);
  for (int c = 0; c < x.shape.c; ++c) {
    double sum = 0;
    double squares = 0;
    for (int n = 0; n < x.shape.n; ++n)
      for (std::int64_t i = 0; i < pixels; ++i) sum += static_cast<double>((&x(n, c, 0, 0))[i]);
    const double mean = sum / count;
    for (int n = 0; n < x.shape.n; ++n)
      for (std::int64_t i = 0; i < pixels; ++i) {
        const double distance = static_cast<double>((&x(n, c, 0, 0))[i]) - mean;
        squares += distance * distance;
      }
    const double scale = 1 / std::sqrt(squares / count + epsilon);
    for (int n = 0; n < x.shape.n; ++n)
      for (std::int64_t i = 0; i < pixels; ++i)
        (&y(n, c, 0, 0))[i] = static_cast<float>((static_cast<double>((&x(n, c, 0, 0))[i]) - mean) * scale);
  }
}

}  // namespace convoy::cpu::ladder
