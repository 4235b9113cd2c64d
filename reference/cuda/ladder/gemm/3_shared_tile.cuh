/// Rung 3: a block loads a tile of A and of B into shared memory, and every number of it serves 16 threads.
/// 2 M N K FLOPs; a block of 16 x 16 loads 2 x 256 floats for 16 x 256 multiply-adds: a sixteenth of rung 2's loads by threads, at
/// the price of two barriers for every tile. Every multiply-add still reads two floats, now of shared memory.
#pragma once

#include "reference/cuda/ladder/gemm/size.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

inline constexpr int kSharedTile = 16;

__global__ void gemm_3_shared_tile_kernel(GemmSize size, const float* a, const float* b, float* c) {
  __shared__ float left[kSharedTile][kSharedTile];
  __shared__ float right[kSharedTile][kSharedTile];
  const int tx = static_cast<int>(threadIdx.x);
  const int ty = static_cast<int>(threadIdx.y);
  const int column = static_cast<int>(blockIdx.x) * kSharedTile + tx;
  const int row = static_cast<int>(blockIdx.y) * kSharedTile + ty;
  float sum = 0;
  for (int first = 0; first < size.k; first += kSharedTile) {
    // Threads outside of C load zeros: all must come to the barriers.
    left[ty][tx] = row < size.m && first + tx < size.k ? a[row * size.k + first + tx] : 0.0F;
    right[ty][tx] = first + ty < size.k && column < size.n ? b[(first + ty) * size.n + column] : 0.0F;
    __syncthreads();
    for (int k = 0; k < kSharedTile; ++k) sum += left[ty][k] * right[k][tx];
    __syncthreads();  // before the next tile overwrites this one
  }
  if (row < size.m && column < size.n) c[row * size.n + column] = sum;
}

inline void gemm_3_shared_tile(GemmSize size, const float* a, const float* b, float* c) {
  launch("gemm_3_shared_tile", dim3{blocks_for(size.n, kSharedTile), blocks_for(size.m, kSharedTile), 1},
         dim3{kSharedTile, kSharedTile, 1}, gemm_3_shared_tile_kernel, size, a, b, c);
}

/// For M, N and K multiples of 16. A tile is 16 rows of 2 sectors.
inline Promise gemm_3_shared_tile_promise(GemmSize size) {
  const std::int64_t blocks = std::int64_t{size.m / kSharedTile} * (size.n / kSharedTile);
  const std::int64_t tiles = blocks * (size.k / kSharedTile);
  return {.load_transactions = tiles * 2 * 32, .store_transactions = blocks * 32, .bank_conflicts = 0, .barriers = tiles * 2};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
