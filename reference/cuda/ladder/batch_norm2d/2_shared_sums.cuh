/// Rung 2: a block for each channel; its threads take pixels side by side and add up in a tree in shared memory.
/// Sums: N C H W floats loaded in full sectors, by 256 C threads; nine barriers for every channel.
#pragma once

#include "reference/cuda/ladder/batch_norm2d/size.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

inline constexpr int kNormThreads = 256;

__global__ void batch_norm2d_2_shared_sums_kernel(NormSize size, const float* x, double* sums) {
  __shared__ double sum[kNormThreads];
  __shared__ double squares[kNormThreads];
  const int c = static_cast<int>(blockIdx.x);
  const int thread = static_cast<int>(threadIdx.x);
  double own_sum = 0;
  double own_squares = 0;
  for (int n = 0; n < size.n; ++n)
    for (int pixel = thread; pixel < size.pixels; pixel += kNormThreads) {
      const double value = x[(n * size.c + c) * size.pixels + pixel];
      own_sum += value;
      own_squares += value * value;
    }
  sum[thread] = own_sum;
  squares[thread] = own_squares;
  __syncthreads();
  for (int half = kNormThreads / 2; half > 0; half /= 2) {
    if (thread < half) {
      sum[thread] += sum[thread + half];
      squares[thread] += squares[thread + half];
    }
    __syncthreads();
  }
  if (thread != 0) return;
  sums[c] = sum[0];
  sums[size.c + c] = squares[0];
  if (c == 0) sums[2 * size.c] = static_cast<double>(size.n) * size.pixels;
}

inline void batch_norm2d_2_shared_sums(const NormSize& size, const float* x, double* sums, float* y) {
  launch("batch_norm2d_2_shared_sums", dim3{static_cast<unsigned>(size.c), 1, 1}, dim3{kNormThreads, 1, 1},
         batch_norm2d_2_shared_sums_kernel, size, x, sums);
  batch_norm2d_apply(size, x, nullptr, nullptr, sums, y);
}

/// For H W a multiple of 256.
inline Promise batch_norm2d_2_shared_sums_promise(const NormSize& size) {
  Promise promise = apply_promise(size);
  promise.load_transactions += std::int64_t{size.n} * size.c * size.pixels / kLanes * 4;
  promise.store_transactions += 2 * size.c + 1;
  promise.barriers = size.c * 9;
  return promise;
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
