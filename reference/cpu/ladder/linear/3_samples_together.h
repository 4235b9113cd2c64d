/// Rung 3: four samples and four outputs at a time. A weight that comes from memory meets four samples before it is gone, and the
/// sixteen sums keep the multipliers busy. With a loop over samples inside that over outputs, the weights come from memory once.
#pragma once

#include <algorithm>

#include "reference/core/tensor.h"
#include "reference/cpu/ladder/linear/2_lanes.h"

namespace convoy::cpu::ladder {

/// Outputs k ... k+3 of samples n ... n+3; the last ones are repeated where there are fewer.
inline void linear_tile(View<const float> x, View<const float> w, View<const float> b, View<float> y, int n, int k) {
  const std::int64_t features = x.shape.sample_count();
  const float* xs[4];
  const float* ws[4];
  for (int i = 0; i < 4; ++i) {
    xs[i] = x.data + std::min(n + i, y.shape.n - 1) * features;
    ws[i] = w.data + std::min(k + i, y.shape.c - 1) * features;
  }
  blocked::Vec lanes[4][4] = {};
  std::int64_t c = 0;
  for (; c + 16 <= features; c += 16) {
    const blocked::Vec v[4] = {load(xs[0] + c), load(xs[1] + c), load(xs[2] + c), load(xs[3] + c)};
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const blocked::Vec weight = load(ws[j] + c);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) lanes[j][i] += v[i] * weight;
    }
  }
  for (int j = 0; j < std::min(4, y.shape.c - k); ++j)
    for (int i = 0; i < std::min(4, y.shape.n - n); ++i) {
      float sum = b.data[k + j] + added_up(lanes[j][i]);
      for (std::int64_t rest = c; rest < features; ++rest) sum += xs[i][rest] * ws[j][rest];
      y.data[std::int64_t{n + i} * y.shape.c + k + j] = sum;
    }
}

/// y = x w^T + b. x: [N,C,1,1]   w: [K,C,1,1]   b: [1,K,1,1]   y: [N,K,1,1], overwritten.
inline void linear_3_samples_together(View<const float> x, View<const float> w, View<const float> b, View<float> y) {
  for (int k = 0; k < y.shape.c; k += 4)
    for (int n = 0; n < y.shape.n; n += 4) linear_tile(x, w, b, y, n, k);
}

}  // namespace convoy::cpu::ladder
