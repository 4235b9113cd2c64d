/// Rung 1: every thread adds a stretch of the bucket that it has for itself, as a CPU's threads would.
/// to += from, what a rank does with a bucket of gradients that arrived. N FLOPs, 12 bytes a float; the stretches of 32 lanes lie apart, so
/// that a load is 32 sectors, of which the next seven steps use the rest, if the cache still has them.
#pragma once

#include "reference/cuda/ladder/promise.h"
#include "reference/cuda/platform.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

using ladder::kLanes;
using ladder::Promise;

inline constexpr int kStretch = 32;  // floats of a thread

__global__ void add_bucket_1_naive_kernel(int count, const float* from, float* to) {
  const int first = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x) * kStretch;
  for (int i = first; i < first + kStretch && i < count; ++i) to[i] += from[i];
}

inline void add_bucket_1_naive(int count, const float* from, float* to) {
  launch("add_bucket_1_naive", dim3{blocks_for(count, 256 * kStretch), 1, 1}, dim3{256, 1, 1}, add_bucket_1_naive_kernel, count, from, to);
}

/// For count a multiple of 1024.
inline Promise add_bucket_1_naive_promise(int count) {
  const std::int64_t steps = count / kLanes;
  return {.load_transactions = steps * 2 * 32, .store_transactions = steps * 32};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
