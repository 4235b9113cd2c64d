/// Rung 1: the definition, one thread for each output, neighbouring threads being neighbouring filters.
/// 2 N K P Q C R S FLOPs; every multiply-add loads an x, one for all lanes, and a w: the filters of 32 lanes lie C R S floats apart,
/// so that every load of w is 32 sectors, and so is every store.
#pragma once

#include "reference/cuda/ladder/conv2d_forward/size.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

/// One output: the sum over the window. Rungs 1 and 2 differ only in which thread does which.
__device__ inline float conv_sum(const ConvSize& z, const float* x, const float* w, int n, int k, int p, int q) {
  float sum = 0;
  for (int c = 0; c < z.c; ++c)
    for (int r = 0; r < z.r; ++r)
      for (int s = 0; s < z.s; ++s) {
        const int row = p * z.stride_h + r * z.dilation_h - z.padding_h;
        const int column = q * z.stride_w + s * z.dilation_w - z.padding_w;
        if (row < 0 || row >= z.h || column < 0 || column >= z.w) continue;
        sum += w[((k * z.c + c) * z.r + r) * z.s + s] * x[((n * z.c + c) * z.h + row) * z.w + column];
      }
  return sum;
}

/// Blocks of 32 filters x 8 pixels; z counts images.
__global__ void conv2d_forward_1_naive_kernel(ConvSize z, const float* x, const float* w, float* y) {
  const int k = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int pixel = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
  const int n = static_cast<int>(blockIdx.z);
  if (k >= z.k || pixel >= z.p * z.q) return;
  y[(n * z.k + k) * z.p * z.q + pixel] = conv_sum(z, x, w, n, k, pixel / z.q, pixel % z.q);
}

/// Without groups.
inline void conv2d_forward_1_naive(const ConvSize& z, const float* x, const float* w, float* y) {
  launch("conv2d_forward_1_naive", dim3{blocks_for(z.k, 32), blocks_for(z.p * z.q, 8), static_cast<unsigned>(z.n)}, dim3{32, 8, 1},
         conv2d_forward_1_naive_kernel, z, x, w, y);
}

/// Without padding, for K a multiple of 32, P Q of 8, and filters and images of 8 floats or more.
inline Promise conv2d_forward_1_naive_promise(const ConvSize& z) {
  const std::int64_t warps = std::int64_t{z.n} * z.k * z.p * z.q / kLanes;
  return {.load_transactions = warps * z.c * z.r * z.s * (32 + 1), .store_transactions = warps * 32};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
