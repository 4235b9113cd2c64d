/// Rung 1: one thread for each channel adds up all its values; neighbouring threads are neighbouring channels.
/// Sums: 3 N C H W FLOPs and N C H W floats loaded, but only C threads, and the channels of 32 lanes lie H W floats apart: 32 sectors a load.
#pragma once

#include "reference/cuda/ladder/batch_norm2d/size.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

__global__ void batch_norm2d_1_naive_kernel(NormSize size, const float* x, double* sums) {
  const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (c >= size.c) return;
  double sum = 0;
  double squares = 0;
  for (int n = 0; n < size.n; ++n)
    for (int pixel = 0; pixel < size.pixels; ++pixel) {
      const double value = x[(n * size.c + c) * size.pixels + pixel];
      sum += value;
      squares += value * value;
    }
  sums[c] = sum;
  sums[size.c + c] = squares;
  if (c == 0) sums[2 * size.c] = static_cast<double>(size.n) * size.pixels;
}

inline void batch_norm2d_1_naive(const NormSize& size, const float* x, double* sums, float* y) {
  launch("batch_norm2d_1_naive", dim3{blocks_for(size.c, 64), 1, 1}, dim3{64, 1, 1}, batch_norm2d_1_naive_kernel, size, x, sums);
  batch_norm2d_apply(size, x, nullptr, nullptr, sums, y);
}

/// For C a multiple of 32 and H W of 256. A warp stores 2 x 32 doubles, and one the number of values.
inline Promise batch_norm2d_1_naive_promise(const NormSize& size) {
  Promise promise = apply_promise(size);
  const std::int64_t warps = size.c / kLanes;
  promise.load_transactions += warps * size.n * size.pixels * 32;
  promise.store_transactions += warps * 2 * 8 + 1;
  return promise;
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
