/// Rung 2: neighbouring threads are neighbouring pixels. With stride 2 a load of 32 lanes spans 64 floats: 8 sectors, half of each used,
/// and the lanes' next load uses the other half, from the cache.
/// N C P Q R S comparisons; every x is loaded R S / (stride_h stride_w) times or so. Memory is the limit: 4 bytes of x, and of y a
/// share. The library's kernel.
#pragma once

#include "reference/cuda/ladder/max_pool2d/1_naive.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

__global__ void max_pool2d_2_coalesced_kernel(ConvSize z, const float* x, float* y) {
  const int at = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (at >= z.n * z.c * z.p * z.q) return;
  const int pixel = at % (z.p * z.q);
  const int plane = at / (z.p * z.q);
  y[at] = largest_of(z, x + plane * z.h * z.w, pixel / z.q, pixel % z.q).value;
}

inline void max_pool2d_2_coalesced(const ConvSize& z, const float* x, float* y) {
  launch("max_pool2d_forward", dim3{blocks_for(std::int64_t{z.n} * z.c * z.p * z.q, 256), 1, 1}, dim3{256, 1, 1},
         max_pool2d_2_coalesced_kernel, z, x, y);
}

/// For windows of 2 x 2 with stride 2, no padding, and Q a multiple of 32.
inline Promise max_pool2d_2_coalesced_promise(const ConvSize& z) {
  const std::int64_t warps = std::int64_t{z.n} * z.c * z.p * z.q / kLanes;
  return {.load_transactions = warps * z.r * z.s * 8, .store_transactions = warps * 4};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
