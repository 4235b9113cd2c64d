/// Rung 1: the definition. Every dx is a sum down a column of w: each weight lies in another line of memory than the one before.
#pragma once

#include "reference/core/tensor.h"

namespace convoy::cpu::ladder {

/// dx = dy w. dy: [N,K,1,1]   w: [K,C,1,1]   dx: [N,C,1,1], overwritten.
inline void linear_backward_input_1_naive(View<const float> dy, View<const float> w, View<float> dx) {
  const std::int64_t features = dx.shape.sample_count();
  for (int n = 0; n < dx.shape.n; ++n)
    for (std::int64_t c = 0; c < features; ++c) {
      float sum = 0;
      for (int k = 0; k < dy.shape.c; ++k) sum += dy.data[std::int64_t{n} * dy.shape.c + k] * w.data[k * features + c];
      dx.data[n * features + c] = sum;
    }
}

}  // namespace convoy::cpu::ladder
