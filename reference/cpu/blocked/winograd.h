/// Convolutions with stride 1 by Winograd's ways, F(4x4, 3x3) and F(2x2, 5x5): 2.25 multiplications an output instead of 9, 9
/// instead of 25, and transforms before and after. Their rounding errors are larger: at most 1e-4 of the largest value, against
/// 1e-5 of the direct ones.
#pragma once

#include "reference/cpu/blocked/kernels.h"
#include "reference/cpu/blocked/view.h"

namespace convoy::cpu::blocked::winograd {

/// y = x (*) w + bias: forward, or the input gradient with dy for x.
struct Convolution {
  BlockedView<const float> x;
  const float* mask = nullptr;  ///< laid out as x: x counts only where it is positive; nullptr: everywhere
  BlockedView<float> y;
  View<const float> w;               ///< [K,C,3,3] or [K,C,5,5]
  bool transposed = false;           ///< y has the channels: filters are turned round
  int padding_h = 0, padding_w = 0;  ///< of x
  const float* bias = nullptr;
  bool relu = false;
  std::span<double> sums;  ///< as in Epilogue
};
void run(const Convolution& convolution);

/// dw += dy (*) x, db[k] += sum of dy, where mask > 0 when there is one.
struct WeightGradient {
  BlockedView<const float> dy;
  const float* mask = nullptr;
  BlockedView<const float> x;
  View<float> dw;  ///< [K,C,3,3] or [K,C,5,5]
  View<float> db;
  int padding_h = 0, padding_w = 0;
};
void run(const WeightGradient& job);

}  // namespace convoy::cpu::blocked::winograd
