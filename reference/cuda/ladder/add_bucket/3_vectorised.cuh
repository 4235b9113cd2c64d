/// Rung 3: four floats in one load and one store. The same sectors as rung 2 in a quarter of the instructions, and four times as many
/// bytes under way for every thread: what it takes to keep memory busy.
/// N FLOPs, 12 bytes a float. Both addresses must be multiples of 16 bytes; what is left at the end is added one by one.
#pragma once

#include "reference/cuda/ladder/add_bucket/2_coalesced.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

__global__ void add_bucket_3_vectorised_kernel(int count, const float* from, float* to) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x) * 4;
  if (i + 4 <= count) {
    const float4 more = load4(from + i);
    float4 sum = load4(to + i);
    sum.x += more.x;
    sum.y += more.y;
    sum.z += more.z;
    sum.w += more.w;
    store4(to + i, sum);
    return;
  }
  for (int j = i; j < count; ++j) to[j] += from[j];
}

inline void add_bucket_3_vectorised(int count, const float* from, float* to) {
  launch("add_bucket", dim3{blocks_for(count, 1024), 1, 1}, dim3{256, 1, 1}, add_bucket_3_vectorised_kernel, count, from, to);
}

/// For count a multiple of 128.
inline Promise add_bucket_3_vectorised_promise(int count) { return add_bucket_2_coalesced_promise(count); }

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
