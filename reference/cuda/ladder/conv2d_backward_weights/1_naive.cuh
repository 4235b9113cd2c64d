/// Rung 1: the definition, one thread for each weight, which walks over all images and pixels alone.
/// 2 N K P Q C R S FLOPs; there are only K C R S threads, a few thousand, and each adds up N P Q products one after the other. The lanes
/// of a warp are the weights of one filter: a load of dy is one number for all, one of x goes to as many rows as weights have.
#pragma once

#include "reference/cuda/ladder/conv2d_forward/size.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

__global__ void conv2d_backward_weights_1_naive_kernel(ConvSize z, const float* dy, const float* x, float* dw) {
  const int weight = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (weight >= z.k * z.c * z.r * z.s) return;
  const int s = weight % z.s, r = weight / z.s % z.r, c = weight / z.s / z.r % z.c, k = weight / z.s / z.r / z.c;
  float sum = 0;
  for (int n = 0; n < z.n; ++n)
    for (int p = 0; p < z.p; ++p)
      for (int q = 0; q < z.q; ++q) {
        const int row = p * z.stride_h + r * z.dilation_h - z.padding_h;
        const int column = q * z.stride_w + s * z.dilation_w - z.padding_w;
        if (row < 0 || row >= z.h || column < 0 || column >= z.w) continue;
        sum += dy[((n * z.k + k) * z.p + p) * z.q + q] * x[((n * z.c + c) * z.h + row) * z.w + column];
      }
  dw[weight] += sum;
}

/// Without groups.
inline void conv2d_backward_weights_1_naive(const ConvSize& z, const float* dy, const float* x, float* dw) {
  launch("conv2d_backward_weights_1_naive", dim3{blocks_for(z.k * z.c * z.r * z.s, 256), 1, 1}, dim3{256, 1, 1},
         conv2d_backward_weights_1_naive_kernel, z, dy, x, dw);
}

/// For windows of 1 x 1 with stride 1 and C a multiple of 32: lanes are 32 channels, whose pixels lie a whole image apart.
inline Promise conv2d_backward_weights_1_naive_promise(const ConvSize& z) {
  const std::int64_t warps = std::int64_t{z.k} * z.c / kLanes;
  return {.load_transactions = warps * (std::int64_t{z.n} * z.p * z.q * (1 + 32) + 4), .store_transactions = warps * 4};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
