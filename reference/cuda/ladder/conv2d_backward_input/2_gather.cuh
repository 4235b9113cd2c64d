/// Rung 2: read backwards: one thread for each dx looks for the outputs whose windows saw it, and adds up in a register.
/// 2 N K P Q C R S FLOPs and no atomic operation: the same bits every time. Neighbouring threads are neighbouring pixels, so that loads of
/// dy are side by side and a load of w is one number for all.
#pragma once

#include "reference/cuda/ladder/conv2d_forward/size.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

/// Blocks of 256 pixels; y counts channels, z images.
__global__ void conv2d_backward_input_2_gather_kernel(ConvSize z, const float* dy, const float* w, float* dx) {
  const int pixel = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int c = static_cast<int>(blockIdx.y);
  const int n = static_cast<int>(blockIdx.z);
  if (pixel >= z.h * z.w) return;
  float sum = 0;
  for (int k = 0; k < z.k; ++k)
    for (int r = 0; r < z.r; ++r)
      for (int s = 0; s < z.s; ++s) {
        const int row = pixel / z.w + z.padding_h - r * z.dilation_h;  // of y, times the stride
        const int column = pixel % z.w + z.padding_w - s * z.dilation_w;
        if (row < 0 || row % z.stride_h != 0 || row / z.stride_h >= z.p) continue;
        if (column < 0 || column % z.stride_w != 0 || column / z.stride_w >= z.q) continue;
        sum += w[((k * z.c + c) * z.r + r) * z.s + s] * dy[((n * z.k + k) * z.p + row / z.stride_h) * z.q + column / z.stride_w];
      }
  dx[(n * z.c + c) * z.h * z.w + pixel] = sum;
}

/// Without groups.
inline void conv2d_backward_input_2_gather(const ConvSize& z, const float* dy, const float* w, float* dx) {
  launch("conv2d_backward_input_2_gather", dim3{blocks_for(z.h * z.w, 256), static_cast<unsigned>(z.c), static_cast<unsigned>(z.n)},
         dim3{256, 1, 1}, conv2d_backward_input_2_gather_kernel, z, dy, w, dx);
}

/// For windows of 1 x 1 with stride 1 and H W a multiple of 32.
inline Promise conv2d_backward_input_2_gather_promise(const ConvSize& z) {
  const std::int64_t warps = std::int64_t{z.n} * z.c * z.h * z.w / kLanes;
  return {.load_transactions = warps * z.k * (1 + 4), .store_transactions = warps * 4};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
