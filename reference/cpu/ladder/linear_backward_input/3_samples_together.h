/// Rung 3: 64 inputs of four samples stay in registers while all rows of w pass by: a weight that comes from memory meets four
/// samples, and dx is stored once. But every row is visited for 256 bytes only, and memory likes long pieces: the library takes
/// sixteen rows at a time and goes along them.
#pragma once

#include <algorithm>

#include "reference/core/tensor.h"
#include "reference/cpu/ladder/linear/2_lanes.h"

namespace convoy::cpu::ladder {

/// dx = dy w. dy: [N,K,1,1]   w: [K,C,1,1]   dx: [N,C,1,1], overwritten.
inline void linear_backward_input_3_samples_together(View<const float> dy, View<const float> w, View<float> dx) {
  constexpr int kSamples = 4;
  constexpr int kVectors = 4;
  const std::int64_t features = dx.shape.sample_count();
  const std::int64_t outputs = dy.shape.c;
  const std::int64_t whole = features / (16 * kVectors) * (16 * kVectors);
  for (int n = 0; n < dx.shape.n; n += kSamples) {
    const int samples = std::min(kSamples, dx.shape.n - n);
    const float* factors[kSamples];
    for (int i = 0; i < kSamples; ++i) factors[i] = dy.data + (n + std::min(i, samples - 1)) * outputs;  // the last one repeated
    for (std::int64_t c = 0; c < whole; c += std::int64_t{16} * kVectors) {
      blocked::Vec sums[kSamples][kVectors] = {};
      for (std::int64_t k = 0; k < outputs; ++k) {
        const float* row = w.data + k * features + c;
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          const blocked::Vec weight = load(row + v * 16);
#pragma GCC unroll 4
          for (int i = 0; i < kSamples; ++i) sums[i][v] += weight * factors[i][k];
        }
      }
      for (int i = 0; i < samples; ++i)
        for (int v = 0; v < kVectors; ++v) __builtin_memcpy(dx.data + (n + i) * features + c + v * 16, &sums[i][v], 64);
    }
    for (int i = 0; i < samples; ++i)
      for (std::int64_t c = whole; c < features; ++c) {
        float sum = 0;
        for (std::int64_t k = 0; k < outputs; ++k) sum += factors[i][k] * w.data[k * features + c];
        dx.data[(n + i) * features + c] = sum;
      }
  }
}

}  // namespace convoy::cpu::ladder
