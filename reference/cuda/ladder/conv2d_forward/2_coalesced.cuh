/// Rung 2: neighbouring threads are neighbouring pixels. A load of w is one number for all, a load of x and a store are numbers
/// side by side: 4 sectors where they begin on one, else 5.
/// 2 N K P Q C R S FLOPs; every multiply-add still loads two floats, and every x is loaded K R S times.
#pragma once

#include "reference/cuda/ladder/conv2d_forward/1_naive.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

/// Blocks of 32 x 8 pixels in a row; y counts filters, z images.
__global__ void conv2d_forward_2_coalesced_kernel(ConvSize z, const float* x, const float* w, float* y) {
  const int pixel = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int k = static_cast<int>(blockIdx.y);
  const int n = static_cast<int>(blockIdx.z);
  if (pixel >= z.p * z.q) return;
  y[(n * z.k + k) * z.p * z.q + pixel] = conv_sum(z, x, w, n, k, pixel / z.q, pixel % z.q);
}

inline void conv2d_forward_2_coalesced(const ConvSize& z, const float* x, const float* w, float* y) {
  launch("conv2d_forward_2_coalesced", dim3{blocks_for(z.p * z.q, 256), static_cast<unsigned>(z.k), static_cast<unsigned>(z.n)},
         dim3{256, 1, 1}, conv2d_forward_2_coalesced_kernel, z, x, w, y);
}

/// For stride and dilation 1 without padding and Q = 32: a warp is a row of y, and loads parts of rows of x.
inline Promise conv2d_forward_2_coalesced_promise(const ConvSize& z) {
  std::int64_t rows = 0;  // sectors of x for one filter
  for (std::int64_t plane = 0; plane < std::int64_t{z.n} * z.c; ++plane)
    for (int p = 0; p < z.p; ++p)
      for (int r = 0; r < z.r; ++r)
        for (int s = 0; s < z.s; ++s) rows += ladder::sectors((plane * z.h + p + r) * z.w + s, kLanes);
  const std::int64_t warps = std::int64_t{z.n} * z.k * z.p;
  return {.load_transactions = rows * z.k + warps * z.c * z.r * z.s, .store_transactions = warps * 4};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
