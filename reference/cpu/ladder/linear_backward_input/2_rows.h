/// Rung 2: the loop over inputs goes inside: a row of w, times one dy, is added to a row of dx, sixteen at a time. Memory is read
/// from beginning to end, but w once for every sample, and dx is loaded and stored for every multiply-add.
#pragma once

#include <algorithm>

#include "reference/core/tensor.h"

namespace convoy::cpu::ladder {

/// dx = dy w. dy: [N,K,1,1]   w: [K,C,1,1]   dx: [N,C,1,1], overwritten.
inline void linear_backward_input_2_rows(View<const float> dy, View<const float> w, View<float> dx) {
  const std::int64_t features = dx.shape.sample_count();
  std::fill_n(dx.data, dx.shape.count(), 0.0F);
  for (int n = 0; n < dx.shape.n; ++n)
    for (int k = 0; k < dy.shape.c; ++k) {
      const float factor = dy.data[std::int64_t{n} * dy.shape.c + k];
      float* to = dx.data + n * features;
      const float* from = w.data + k * features;
      for (std::int64_t c = 0; c < features; ++c) to[c] += factor * from[c];
    }
}

}  // namespace convoy::cpu::ladder
