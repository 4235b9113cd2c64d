/// Rung 1: the definition. Every dw is a sum over the samples, whose values lie far apart in memory.
#pragma once

#include "reference/core/tensor.h"

namespace convoy::cpu::ladder {

/// dw += dy^T x. dy: [N,K,1,1]   x: [N,C,1,1]   dw: [K,C,1,1], accumulated.
inline void linear_backward_weights_1_naive(View<const float> dy, View<const float> x, View<float> dw) {
  const std::int64_t features = x.shape.sample_count();
  const std::int64_t outputs = dy.shape.c;
  for (std::int64_t k = 0; k < outputs; ++k)
    for (std::int64_t c = 0; c < features; ++c) {
      float sum = 0;
      for (int n = 0; n < x.shape.n; ++n) sum += dy.data[n * outputs + k] * x.data[n * features + c];
      dw.data[k * features + c] += sum;
    }
}

}  // namespace convoy::cpu::ladder
