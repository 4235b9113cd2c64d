/// Rung 2: neighbouring threads go along a row. Nothing else changes, and the loads of a warp are now 32 numbers side by side.
/// 2 M N K FLOPs; every multiply-add still loads two floats, but a warp's load of B is 4 full sectors, of A one number for all,
/// and a store 4 full sectors: 5 sectors a step where rung 1 has 33.
#pragma once

#include "reference/cuda/ladder/gemm/size.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

/// Blocks of 32 x 8 threads.
__global__ void gemm_2_coalesced_kernel(GemmSize size, const float* a, const float* b, float* c) {
  const int column = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int row = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
  if (row >= size.m || column >= size.n) return;
  float sum = 0;
  for (int k = 0; k < size.k; ++k) sum += a[row * size.k + k] * b[k * size.n + column];
  c[row * size.n + column] = sum;
}

inline void gemm_2_coalesced(GemmSize size, const float* a, const float* b, float* c) {
  launch("gemm_2_coalesced", dim3{blocks_for(size.n, 32), blocks_for(size.m, 8), 1}, dim3{32, 8, 1}, gemm_2_coalesced_kernel, size, a,
         b, c);
}

/// For M a multiple of 8 and N of 32.
inline Promise gemm_2_coalesced_promise(GemmSize size) {
  const std::int64_t warps = std::int64_t{size.m} * size.n / kLanes;
  return {.load_transactions = warps * size.k * (1 + 4), .store_transactions = warps * 4};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
