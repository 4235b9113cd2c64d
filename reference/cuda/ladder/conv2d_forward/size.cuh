/// ConvSize: the numbers of a convolution as kernels need them. x: [N,C,H,W]   w: [K,C/groups,R,S]   y: [N,K,P,Q].
#pragma once

#include "reference/cuda/ladder/promise.h"
#include "reference/cuda/platform.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

using ladder::kLanes;
using ladder::Promise;

struct ConvSize {
  int n = 0, c = 0, h = 0, w = 0;
  int k = 0, r = 0, s = 0;
  int p = 0, q = 0;
  int stride_h = 1, stride_w = 1;
  int padding_h = 0, padding_w = 0;
  int dilation_h = 1, dilation_w = 1;
  int groups = 1;
  [[nodiscard]] int channels() const { return c / groups; }  ///< that a filter sees
  [[nodiscard]] int filters() const { return k / groups; }   ///< of a group
};

/// 2 N K P Q C/groups R S.
inline double conv_flops(const ConvSize& z) { return 2.0 * z.n * z.k * z.p * z.q * z.channels() * z.r * z.s; }

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
