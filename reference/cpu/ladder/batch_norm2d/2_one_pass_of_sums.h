/// Rung 2: the sums of x and of x^2 in one pass, since variance = mean of x^2 - mean^2; x is read twice. In double the difference
/// of two large numbers loses nothing that matters. Sixteen channels of a pixel lie together (nChw16c), so that sixteen channels
/// have their sums side by side.
#pragma once

#include <cmath>

#include "reference/cpu/blocked/vector.h"
#include "reference/cpu/blocked/view.h"

namespace convoy::cpu::ladder {

/// y = (x - mean) / sqrt(variance + epsilon), by channel. x, y: [N,C,H,W] blocked, y overwritten.
inline void batch_norm2d_2_one_pass_of_sums(blocked::BlockedView<const float> x, double epsilon, blocked::BlockedView<float> y) {
  const std::int64_t pixels = std::int64_t{x.shape.h} * x.shape.w;
  const auto count = static_cast<double>(x.shape.n * pixels);
  for (int block = 0; block < x.blocks(); ++block) {
    blocked::DoubleSums sum;
    blocked::DoubleSums squares;
    for (int n = 0; n < x.shape.n; ++n) {
      const auto* from = &blocked::as_vec(x.at(n, block, 0, 0));
      for (std::int64_t i = 0; i < pixels; ++i) {
        sum.add(from[i]);
        squares.add(from[i] * from[i]);
      }
    }
    blocked::Vec mean;
    blocked::Vec scale;
    for (int lane = 0; lane < blocked::kBlock; ++lane) {
      const double m = sum.lane(lane) / count;
      mean[lane] = static_cast<float>(m);
      scale[lane] = static_cast<float>(1 / std::sqrt(squares.lane(lane) / count - m * m + epsilon));
    }
    for (int n = 0; n < x.shape.n; ++n) {
      const auto* from = &blocked::as_vec(x.at(n, block, 0, 0));
      auto* to = &blocked::as_vec(y.at(n, block, 0, 0));
      for (std::int64_t i = 0; i < pixels; ++i) to[i] = (from[i] - mean) * scale;
    }
  }
}

}  // namespace convoy::cpu::ladder
