/// Rung 2: a row of x, times one dy, is added to a row of dw, sixteen at a time. But every sample sends all of dw, which is as
/// large as the weights, through memory: read and written once a sample.
#pragma once

#include "reference/core/tensor.h"

namespace convoy::cpu::ladder {

/// dw += dy^T x. dy: [N,K,1,1]   x: [N,C,1,1]   dw: [K,C,1,1], accumulated.
inline void linear_backward_weights_2_rows(View<const float> dy, View<const float> x, View<float> dw) {
  const std::int64_t features = x.shape.sample_count();
  const std::int64_t outputs = dy.shape.c;
  for (int n = 0; n < x.shape.n; ++n)
    for (std::int64_t k = 0; k < outputs; ++k) {
      const float factor = dy.data[n * outputs + k];
      float* to = dw.data + k * features;
      const float* from = x.data + n * features;
      for (std::int64_t c = 0; c < features; ++c) to[c] += factor * from[c];
    }
}

}  // namespace convoy::cpu::ladder
