/// Sums and maxima over the threads of a warp and of a block, with shuffles.
#pragma once

#include "reference/cuda/platform.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

/// The sum over the warp, in lane 0. Five shuffles; lanes add in the same order every time.
template <class T>
__device__ inline T warp_sum(T value) {
  for (int by = 16; by > 0; by /= 2) value += __shfl_down_sync(kAllLanes, value, by);
  return value;
}
/// The same in all lanes.
template <class T>
__device__ inline T warp_sum_everywhere(T value) {
  for (int by = 16; by > 0; by /= 2) value += __shfl_xor_sync(kAllLanes, value, by);
  return value;
}
/// The largest of the warp in all lanes; NaN is nobody's largest.
__device__ inline float warp_largest_everywhere(float value) {
  for (int by = 16; by > 0; by /= 2) {
    const float other = __shfl_xor_sync(kAllLanes, value, by);
    value = other > value ? other : value;
  }
  return value;
}

/// The sum over a block of kThreads threads, in thread 0. `partial`, shared, has one place for each warp and may be used again after the next
/// barrier.
template <int kThreads, class T>
__device__ inline T block_sum(T value, T* partial) {
  const int thread = static_cast<int>(threadIdx.x);
  value = warp_sum(value);
  if (thread % 32 == 0) partial[thread / 32] = value;
  __syncthreads();
  T sum{};
  if (thread == 0)
    for (int warp = 0; warp < kThreads / 32; ++warp) sum += partial[warp];
  return sum;
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
