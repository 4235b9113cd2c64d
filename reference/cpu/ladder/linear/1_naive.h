/// Rung 1: the definition. Every output is one long sum; float additions may not be reordered, so the compiler adds one by one
/// and each addition waits for the one before it.
#pragma once

#include "reference/core/tensor.h"

namespace convoy::cpu::ladder {

/// y = x w^T + b. x: [N,C,1,1]   w: [K,C,1,1]   b: [1,K,1,1]   y: [N,K,1,1], overwritten.
inline void linear_1_naive(View<const float> x, View<const float> w, View<const float> b, View<float> y) {
  const std::int64_t features = x.shape.sample_count();
  for (int n = 0; n < y.shape.n; ++n)
    for (int k = 0; k < y.shape.c; ++k) {
      float sum = b.data[k];
      for (std::int64_t c = 0; c < features; ++c) sum += x.data[n * features + c] * w.data[k * features + c];
      y.data[std::int64_t{n} * y.shape.c + k] = sum;
    }
}

}  // namespace convoy::cpu::ladder
