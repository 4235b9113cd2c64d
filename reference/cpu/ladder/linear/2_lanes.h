/// Rung 2: sixteen sums side by side, added up at the end. That is a decision about rounding, so the programmer has to take it.
/// Now every weight is read once for every sample, and a layer of 100 million weights does not fit into a cache: memory is the
/// limit.
#pragma once

#include "reference/core/tensor.h"
#include "reference/cpu/blocked/vector.h"

namespace convoy::cpu::ladder {

inline float added_up(const blocked::Vec& lanes) {
  float sum = 0;
  for (int i = 0; i < 16; ++i) sum += lanes[i];
  return sum;
}

/// Sixteen floats from any address.
inline blocked::Vec load(const float* from) {
  blocked::Vec v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

/// y = x w^T + b. x: [N,C,1,1]   w: [K,C,1,1]   b: [1,K,1,1]   y: [N,K,1,1], overwritten.
inline void linear_2_lanes(View<const float> x, View<const float> w, View<const float> b, View<float> y) {
  const std::int64_t features = x.shape.sample_count();
  for (int n = 0; n < y.shape.n; ++n)
    for (int k = 0; k < y.shape.c; ++k) {
      const float* xs = x.data + n * features;
      const float* ws = w.data + k * features;
      blocked::Vec lanes{};
      std::int64_t c = 0;
      for (; c + 16 <= features; c += 16) lanes += load(xs + c) * load(ws + c);
      float sum = b.data[k] + added_up(lanes);
      for (; c < features; ++c) sum += xs[c] * ws[c];
      y.data[std::int64_t{n} * y.shape.c + k] = sum;
    }
}

}  // namespace convoy::cpu::ladder
