/// Rung 1: the definition, one thread for each number of C, neighbouring threads going down a column.
/// 2 M N K FLOPs; every multiply-add loads two floats. The 32 lanes of a warp have 32 rows of A: every load of A is 32 sectors, of
/// which 4 of 32 bytes are used, every load of B one number for all, every store 32 sectors.
#pragma once

#include "reference/cuda/ladder/gemm/size.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

/// Blocks of 32 x 8 threads.
__global__ void gemm_1_naive_kernel(GemmSize size, const float* a, const float* b, float* c) {
  const int row = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int column = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
  if (row >= size.m || column >= size.n) return;
  float sum = 0;
  for (int k = 0; k < size.k; ++k) sum += a[row * size.k + k] * b[k * size.n + column];
  c[row * size.n + column] = sum;
}

inline void gemm_1_naive(GemmSize size, const float* a, const float* b, float* c) {
  launch("gemm_1_naive", dim3{blocks_for(size.m, 32), blocks_for(size.n, 8), 1}, dim3{32, 8, 1}, gemm_1_naive_kernel, size, a, b, c);
}

/// For M a multiple of 32, N of 8, and K of 8.
inline Promise gemm_1_naive_promise(GemmSize size) {
  const std::int64_t warps = std::int64_t{size.m} * size.n / kLanes;
  return {.load_transactions = warps * size.k * (32 + 1), .store_transactions = warps * 32};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
