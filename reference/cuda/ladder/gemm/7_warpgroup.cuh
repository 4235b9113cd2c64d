/// Rung 7: warpgroups. Four warps multiply 64 x 8 by 8 x 64 in one instruction, wgmma, which fetches both matrices from shared memory by
/// itself, while the threads bring the next tile. Compute capability 9.0 (Hopper) only.
/// 2 M N K FLOPs and the loads of rung 4, in tf32 as rung 6; a thread writes 32 floats of shared memory for every 1024 multiply-adds of
/// its own, and reads none. Four floats at once, without conflict, B turned on its way: see warpgroup_tile.cuh. One barrier a tile.
///
/// A block is one warpgroup and computes 64 x 64, in tiles of 32 of K, two in turn.
#pragma once

#include "reference/cuda/ladder/gemm/5_double_buffered.cuh"
#include "reference/cuda/ladder/gemm/warpgroup_tile.cuh"
#include "reference/cuda/warpgroup.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

inline constexpr int kGroupThreads = 128;

/// What a thread carries of a tile of A and of B: four times four numbers along K of a row of A, and of a column of B.
struct GroupCarry {
  float4 a[4], b[4];
};

__device__ inline GroupCarry fetch_for_group(GemmSize size, const float* a, const float* b, int first_row, int first_column, int begin) {
  const int thread = static_cast<int>(threadIdx.x);
  GroupCarry carry;
  for (int i = 0; i < 4; ++i) {
    carry.a[i] = four_of(a, size.m, size.k, first_row + thread / 8 + 16 * i, begin + thread % 8 * 4);  // 8 lanes a row
    const int column = first_column + thread % 64;
    const auto at = [&](int k) { return k < size.k && column < size.n ? b[k * size.n + column] : 0.0F; };
    const int k = begin + (thread / 64 + 2 * i) * 4;
    carry.b[i] = float4{at(k), at(k + 1), at(k + 2), at(k + 3)};  // 32 lanes a row of B, four rows
  }
  return carry;
}

__device__ inline float rounded_to_tf32(float value) {
  const std::uint32_t bits = to_tf32(value);
  float rounded = 0;
  memcpy(&rounded, &bits, sizeof(rounded));
  return rounded;
}
__device__ inline void store_rounded(float* to, const float4& v) {
  store4(to, float4{rounded_to_tf32(v.x), rounded_to_tf32(v.y), rounded_to_tf32(v.z), rounded_to_tf32(v.w)});
}

__device__ inline void put_for_group(float (&left)[kGroupTileFloats], float (&right)[kGroupTileFloats], const GroupCarry& carry) {
  const int thread = static_cast<int>(threadIdx.x);
  for (int i = 0; i < 4; ++i) {
    store_rounded(&left[group_tile_index(thread / 8 + 16 * i, thread % 8 * 4)], carry.a[i]);
    store_rounded(&right[group_tile_index(thread % 64, (thread / 64 + 2 * i) * 4)], carry.b[i]);
  }
}

__global__ void __launch_bounds__(kGroupThreads) gemm_7_warpgroup_kernel(GemmSize size, const float* a, const float* b, float* c) {
  alignas(1024) __shared__ float tiles[2][2][kGroupTileFloats];  // of A and B, in turn
  const int thread = static_cast<int>(threadIdx.x);
  const int first_column = static_cast<int>(blockIdx.x) * kGroupTile;
  const int first_row = static_cast<int>(blockIdx.y) * kGroupTile;
  put_for_group(tiles[0][0], tiles[0][1], fetch_for_group(size, a, b, first_row, first_column, 0));
  warpgroup_publish();
  __syncthreads();
  float sums[32] = {};
  int buffer = 0;
  for (int begin = 0; begin < size.k; begin += kGroupDepth) {
    const std::uint32_t left = shared_address(tiles[buffer][0]), right = shared_address(tiles[buffer][1]);
    warpgroup_begin();
    for (int k = 0; k < kGroupDepth; k += kGroupStep)
      warpgroup_multiply(sums, group_tile_descriptor(left, k), group_tile_descriptor(right, k));
    warpgroup_commit();
    const bool more = begin + kGroupDepth < size.k;
    buffer = 1 - buffer;
    if (more) {  // the other buffer was read by the multiplications before these, for which all threads have waited
      put_for_group(tiles[buffer][0], tiles[buffer][1], fetch_for_group(size, a, b, first_row, first_column, begin + kGroupDepth));
      warpgroup_publish();
    }
    warpgroup_wait();
    if (more) __syncthreads();
  }
  const int g = thread % 32 / 4;
  const int t = thread % 4;
  for (int j = 0; j < 8; ++j)
    for (int e = 0; e < 4; ++e) {
      const int row = first_row + thread / 32 * 16 + g + e / 2 * 8;
      const int column = first_column + 8 * j + 2 * t + e % 2;
      if (row < size.m && column < size.n) c[row * size.n + column] = sums[4 * j + e];
    }
}

inline void gemm_7_warpgroup(GemmSize size, const float* a, const float* b, float* c) {
  launch("gemm_7_warpgroup", dim3{blocks_for(size.n, kGroupTile), blocks_for(size.m, kGroupTile), 1}, dim3{kGroupThreads, 1, 1},
         gemm_7_warpgroup_kernel, size, a, b, c);
}

/// For M and N multiples of 64 and K of 32. A tile of A is 64 rows of 4 sectors, of B 32 rows of 8.
inline Promise gemm_7_warpgroup_promise(GemmSize size) {
  const std::int64_t blocks = std::int64_t{size.m / kGroupTile} * (size.n / kGroupTile);
  const std::int64_t tiles = blocks * (size.k / kGroupDepth);
  return {.load_transactions = tiles * 2 * 256, .store_transactions = blocks * 8 * 16 * 8, .bank_conflicts = 0, .barriers = tiles};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
