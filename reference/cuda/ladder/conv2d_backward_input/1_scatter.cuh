/// Rung 1: the definition read forwards: one thread for each number of dy adds it, times the weights, to all dx that its window saw.
/// 2 N K P Q C R S FLOPs; windows overlap and filters meet, so that every one of the N K P Q C R S additions is atomic, and which comes
/// first differs from run to run: sums of floats that do not give the same bits twice.
#pragma once

#include "reference/cuda/ladder/conv2d_forward/size.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

__global__ void conv2d_backward_input_zero_kernel(int count, float* dx) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) dx[i] = 0;
}

/// Blocks of 256 pixels; y counts filters, z images.
__global__ void conv2d_backward_input_1_scatter_kernel(ConvSize z, const float* dy, const float* w, float* dx) {
  const int pixel = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int k = static_cast<int>(blockIdx.y);
  const int n = static_cast<int>(blockIdx.z);
  if (pixel >= z.p * z.q) return;
  const float gradient = dy[(n * z.k + k) * z.p * z.q + pixel];
  for (int c = 0; c < z.c; ++c)
    for (int r = 0; r < z.r; ++r)
      for (int s = 0; s < z.s; ++s) {
        const int row = pixel / z.q * z.stride_h + r * z.dilation_h - z.padding_h;
        const int column = pixel % z.q * z.stride_w + s * z.dilation_w - z.padding_w;
        if (row < 0 || row >= z.h || column < 0 || column >= z.w) continue;
        atomicAdd(&dx[((n * z.c + c) * z.h + row) * z.w + column], gradient * w[((k * z.c + c) * z.r + r) * z.s + s]);
      }
}

/// Without groups.
inline void conv2d_backward_input_1_scatter(const ConvSize& z, const float* dy, const float* w, float* dx) {
  const int count = z.n * z.c * z.h * z.w;
  launch("conv2d_backward_input_1_scatter", dim3{blocks_for(count, 256), 1, 1}, dim3{256, 1, 1}, conv2d_backward_input_zero_kernel, count,
         dx);
  launch("conv2d_backward_input_1_scatter", dim3{blocks_for(z.p * z.q, 256), static_cast<unsigned>(z.k), static_cast<unsigned>(z.n)},
         dim3{256, 1, 1}, conv2d_backward_input_1_scatter_kernel, z, dy, w, dx);
}

/// Without padding, for N C H W and P Q multiples of 32. What is atomic is counted on its own.
inline Promise conv2d_backward_input_1_scatter_promise(const ConvSize& z) {
  const std::int64_t warps = std::int64_t{z.n} * z.k * z.p * z.q / kLanes;
  return {.load_transactions = warps * (4 + std::int64_t{z.c} * z.r * z.s),
          .store_transactions = std::int64_t{z.n} * z.c * z.h * z.w / ladder::kSectorFloats};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
