/// Rung 2: neighbouring threads add neighbouring floats, one each.
/// N FLOPs, 12 bytes a float, in full sectors.
#pragma once

#include "reference/cuda/ladder/add_bucket/1_naive.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

__global__ void add_bucket_2_coalesced_kernel(int count, const float* from, float* to) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) to[i] += from[i];
}

inline void add_bucket_2_coalesced(int count, const float* from, float* to) {
  launch("add_bucket_2_coalesced", dim3{blocks_for(count, 256), 1, 1}, dim3{256, 1, 1}, add_bucket_2_coalesced_kernel, count, from, to);
}

/// For count a multiple of 32.
inline Promise add_bucket_2_coalesced_promise(int count) {
  const std::int64_t warps = count / kLanes;
  return {.load_transactions = warps * 2 * 4, .store_transactions = warps * 4};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
