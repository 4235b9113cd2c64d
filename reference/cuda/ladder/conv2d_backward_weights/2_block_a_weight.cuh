/// Rung 2: a block for each weight, whose threads walk over pixels side by side and add up at the end.
/// 2 N K P Q C R S FLOPs; 256 times as many threads, and loads of dy and x that lie side by side. But dy is loaded again for every weight of
/// its filter and x for every filter: C R S times and K R S times.
#pragma once

#include "reference/cuda/ladder/conv2d_forward/size.cuh"
#include "reference/cuda/reduce.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

inline constexpr int kWeightThreads = 256;

__global__ void conv2d_backward_weights_2_block_a_weight_kernel(ConvSize z, const float* dy, const float* x, float* dw) {
  __shared__ float partial[kWeightThreads / 32];
  const int weight = static_cast<int>(blockIdx.x);
  const int s = weight % z.s, r = weight / z.s % z.r, c = weight / z.s / z.r % z.c, k = weight / z.s / z.r / z.c;
  float sum = 0;
  for (int pixel = static_cast<int>(threadIdx.x); pixel < z.n * z.p * z.q; pixel += kWeightThreads) {
    const int q = pixel % z.q, p = pixel / z.q % z.p, n = pixel / z.q / z.p;
    const int row = p * z.stride_h + r * z.dilation_h - z.padding_h;
    const int column = q * z.stride_w + s * z.dilation_w - z.padding_w;
    if (row < 0 || row >= z.h || column < 0 || column >= z.w) continue;
    sum += dy[((n * z.k + k) * z.p + p) * z.q + q] * x[((n * z.c + c) * z.h + row) * z.w + column];
  }
  sum = block_sum<kWeightThreads>(sum, partial);
  if (threadIdx.x == 0) dw[weight] += sum;
}

/// Without groups.
inline void conv2d_backward_weights_2_block_a_weight(const ConvSize& z, const float* dy, const float* x, float* dw) {
  launch("conv2d_backward_weights_2_block_a_weight", dim3{static_cast<unsigned>(z.k * z.c * z.r * z.s), 1, 1}, dim3{kWeightThreads, 1, 1},
         conv2d_backward_weights_2_block_a_weight_kernel, z, dy, x, dw);
}

/// For windows of 1 x 1 with stride 1 and P Q a multiple of 32.
inline Promise conv2d_backward_weights_2_block_a_weight_promise(const ConvSize& z) {
  const std::int64_t weights = std::int64_t{z.k} * z.c;
  return {.load_transactions = weights * (std::int64_t{z.n} * z.p * z.q / kLanes * (4 + 4) + 1),
          .store_transactions = weights,
          .bank_conflicts = 0,
          .barriers = weights};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
