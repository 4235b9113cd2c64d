/// Rung 3: the loop over samples goes inside: sixteen inputs of four outputs stay in registers until all samples are added, so
/// that dw passes through memory once.
#pragma once

#include <algorithm>

#include "reference/core/tensor.h"
#include "reference/cpu/ladder/linear/2_lanes.h"

namespace convoy::cpu::ladder {

/// dw += dy^T x. dy: [N,K,1,1]   x: [N,C,1,1]   dw: [K,C,1,1], accumulated.
inline void linear_backward_weights_3_all_samples_at_once(View<const float> dy, View<const float> x, View<float> dw) {
  constexpr std::int64_t kRows = 4;
  const std::int64_t features = x.shape.sample_count();
  const std::int64_t outputs = dy.shape.c;
  for (std::int64_t first = 0; first < outputs; first += kRows) {
    const std::int64_t rows = std::min(kRows, outputs - first);
    std::int64_t c = 0;
    for (; c + 16 <= features; c += 16) {
      blocked::Vec sums[kRows] = {};
      for (int n = 0; n < x.shape.n; ++n) {
        const blocked::Vec value = load(x.data + n * features + c);
#pragma GCC unroll 4
        for (std::int64_t k = 0; k < kRows; ++k)
          sums[k] += value * dy.data[n * outputs + std::min(first + k, outputs - 1)];  // the last one repeated
      }
      for (std::int64_t k = 0; k < rows; ++k) {
        float* to = dw.data + (first + k) * features + c;
        const blocked::Vec total = load(to) + sums[k];
        __builtin_memcpy(to, &total, sizeof total);
      }
    }
    for (std::int64_t k = first; k < first + rows; ++k)
      for (std::int64_t rest = c; rest < features; ++rest)
        for (int n = 0; n < x.shape.n; ++n)
          dw.data[k * features + rest] += dy.data[n * outputs + k] * x.data[n * features + rest];
  }
}

}  // namespace convoy::cpu::ladder
