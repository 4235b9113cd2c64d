/// Rung 3: the threads of a warp add up through their registers; shared memory only joins the warps.
/// Sums: the loads of rung 2, and two barriers for every channel instead of nine. The library's kernel.
#pragma once

#include "reference/cuda/ladder/batch_norm2d/2_shared_sums.cuh"
#include "reference/cuda/reduce.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

/// sums: 2 C + 1, overwritten.
__global__ void batch_norm2d_3_shuffles_kernel(NormSize size, const float* x, double* sums) {
  __shared__ double sum_of_warp[kNormThreads / 32];
  __shared__ double squares_of_warp[kNormThreads / 32];
  const int c = static_cast<int>(blockIdx.x);
  double sum = 0;
  double squares = 0;
  for (int n = 0; n < size.n; ++n)
    for (int pixel = static_cast<int>(threadIdx.x); pixel < size.pixels; pixel += kNormThreads) {
      const double value = x[(n * size.c + c) * size.pixels + pixel];
      sum += value;
      squares += value * value;
    }
  sum = block_sum<kNormThreads>(sum, sum_of_warp);
  squares = block_sum<kNormThreads>(squares, squares_of_warp);
  if (threadIdx.x != 0) return;
  sums[c] = sum;
  sums[size.c + c] = squares;
  if (c == 0) sums[2 * size.c] = static_cast<double>(size.n) * size.pixels;
}

inline void batch_norm2d_sums(const NormSize& size, const float* x, double* sums) {
  launch("batch_norm2d_statistics", dim3{static_cast<unsigned>(size.c), 1, 1}, dim3{kNormThreads, 1, 1}, batch_norm2d_3_shuffles_kernel,
         size, x, sums);
}

inline void batch_norm2d_3_shuffles(const NormSize& size, const float* x, double* sums, float* y) {
  batch_norm2d_sums(size, x, sums);
  batch_norm2d_apply(size, x, nullptr, nullptr, sums, y);
}

/// For H W a multiple of 256.
inline Promise batch_norm2d_3_shuffles_promise(const NormSize& size) {
  Promise promise = batch_norm2d_2_shared_sums_promise(size);
  promise.barriers = size.c * 2;
  return promise;
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
