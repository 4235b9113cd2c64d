/// Rung 1: one thread for each output, neighbouring threads being neighbouring channels.
/// N C P Q R S comparisons, as many loads: 32 sectors each, since channels lie H W floats apart, and 32 for every store.
#pragma once

#include "reference/cuda/ladder/conv2d_forward/size.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

/// The largest of a window, the first of equal ones in row-major order; NaN is larger than all. `place`: where it is in the image.
struct Largest {
  float value;
  int place;
};
__device__ inline Largest largest_of(const ConvSize& z, const float* image, int p, int q) {
  Largest best{0, -1};
  for (int r = 0; r < z.r; ++r)
    for (int s = 0; s < z.s; ++s) {
      const int row = p * z.stride_h + r - z.padding_h;
      const int column = q * z.stride_w + s - z.padding_w;
      if (row < 0 || row >= z.h || column < 0 || column >= z.w) continue;
      const float value = image[row * z.w + column];
      if (best.place < 0 || value > best.value || value != value) best = {value, row * z.w + column};
    }
  return best;
}

/// Blocks of 32 channels x 8 pixels; z counts images.
__global__ void max_pool2d_1_naive_kernel(ConvSize z, const float* x, float* y) {
  const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int pixel = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
  const int n = static_cast<int>(blockIdx.z);
  if (c >= z.c || pixel >= z.p * z.q) return;
  const int plane = n * z.c + c;
  y[plane * z.p * z.q + pixel] = largest_of(z, x + plane * z.h * z.w, pixel / z.q, pixel % z.q).value;
}

inline void max_pool2d_1_naive(const ConvSize& z, const float* x, float* y) {
  launch("max_pool2d_1_naive", dim3{blocks_for(z.c, 32), blocks_for(z.p * z.q, 8), static_cast<unsigned>(z.n)}, dim3{32, 8, 1},
         max_pool2d_1_naive_kernel, z, x, y);
}

/// Without padding, for C a multiple of 32, P Q of 8.
inline Promise max_pool2d_1_naive_promise(const ConvSize& z) {
  const std::int64_t warps = std::int64_t{z.n} * z.c * z.p * z.q / kLanes;
  return {.load_transactions = warps * z.r * z.s * 32, .store_transactions = warps * 32};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
