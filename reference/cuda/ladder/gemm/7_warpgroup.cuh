/// Rung 7: warpgroups. Four warps multiply 64 x 8 by 8 x 64 in one instruction, wgmma, which fetches both matrices from shared memory by
/// itself, while the threads bring the next tile. Compute capability 9.0 (Hopper) only.
/// 2 M N K FLOPs and the loads of rung 4, in tf32 as rung 6; a thread writes 32 floats of shared memory for every 1024 multiply-adds of
/// its own, and reads none. Four floats at once, without conflict, B turned on its way: see warpgroup_tile.cuh. One barrier a tile.
///
/// A block is one warpgroup and computes 64 x 64, in tiles of 32 of K, two in turn.
#pragma once

#include "reference/cuda/ladder/gemm/4_register_tile.cuh"
#include "reference/cuda/ladder/gemm/warpgroup_tile.cuh"
#include "reference/cuda/warpgroup.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

inline constexpr int kGroupThreads = 128;
inline constexpr int kCarried = kGroupTileFloats / kGroupThreads;  // numbers of a tile that a thread brings: 16

/// An operand may have four(group, place, k): four numbers along K in one load, for when has_fours() says that its rows allow it.
template <class From>
inline constexpr bool kKnowsFours = requires(const From& from) { from.four(0, 0, 0); };
template <class From>
__device__ inline bool comes_in_fours(const From& from) {
  if constexpr (kKnowsFours<From>)
    return from.has_fours();
  else
    return false;
}

/// What a thread brings of the 64 rows from `first` on and 32 of K from `begin` on; 0 outside. Neighbouring lanes go where the operand's
/// numbers lie side by side: eight lanes with four numbers each along K, 32 lanes along K, or 32 lanes along rows, four of K each.
template <class From>
__device__ void fetch_for_group(float (&carry)[kCarried], const From& from, int group, int first, int limit, int begin, int end) {
  const int thread = static_cast<int>(threadIdx.x);
  if constexpr (!From::kAlongDepth) {
    CONVOY_UNROLL
    for (int i = 0; i < kCarried; ++i) {
      const int place = first + thread % 64, k = begin + (thread / 64 + i / 4 * 2) * 4 + i % 4;
      carry[i] = place < limit && k < end ? from(group, place, k) : 0.0F;
    }
  } else if (comes_in_fours(from)) {
    if constexpr (kKnowsFours<From>) {
      CONVOY_UNROLL
      for (int i = 0; i < kCarried; i += 4) {
        const int place = first + thread / 8 + 4 * i, k = begin + thread % 8 * 4;
        const float4 four = place < limit && k < end ? from.four(group, place, k) : float4{0, 0, 0, 0};
        carry[i] = four.x, carry[i + 1] = four.y, carry[i + 2] = four.z, carry[i + 3] = four.w;
      }
    }
  } else {
    CONVOY_UNROLL
    for (int i = 0; i < kCarried; ++i) {
      const int place = first + thread / 32 + 4 * i, k = begin + thread % 32;
      carry[i] = place < limit && k < end ? from(group, place, k) : 0.0F;
    }
  }
}

__device__ inline float rounded_to_tf32(float value) {
  const std::uint32_t bits = to_tf32(value);
  float rounded = 0;
  memcpy(&rounded, &bits, sizeof(rounded));
  return rounded;
}

/// Puts it into a tile, rounded.
template <class From>
__device__ void put_for_group(float (&tile)[kGroupTileFloats], const From& from, const float (&carry)[kCarried]) {
  const int thread = static_cast<int>(threadIdx.x);
  const bool fours = comes_in_fours(from);
  if (From::kAlongDepth && !fours) {
    CONVOY_UNROLL
    for (int i = 0; i < kCarried; ++i) tile[group_tile_index(thread / 32 + 4 * i, thread % 32)] = rounded_to_tf32(carry[i]);
    return;
  }
  CONVOY_UNROLL
  for (int i = 0; i < kCarried; i += 4) {
    const int row = fours ? thread / 8 + 4 * i : thread % 64, k = fours ? thread % 8 * 4 : (thread / 64 + i / 2) * 4;
    store4(&tile[group_tile_index(row, k)], float4{rounded_to_tf32(carry[i]), rounded_to_tf32(carry[i + 1]), rounded_to_tf32(carry[i + 2]),
                                                   rounded_to_tf32(carry[i + 3])});
  }
}

/// Arguments as those of gemm_4_register_tile_kernel.
template <class Left, class Right, class Out>
__global__ void __launch_bounds__(kGroupThreads) gemm_7_warpgroup_kernel(ProductSize size, Left left, Right right, Out out) {
  alignas(1024) __shared__ float tiles[2][2][kGroupTileFloats];  // of both operands, in turn
  const int thread = static_cast<int>(threadIdx.x);
  const int first_column = static_cast<int>(blockIdx.x) * kGroupTile;
  const int first_row = static_cast<int>(blockIdx.y) * kGroupTile;
  const PartOfProduct part = part_of_block(size);
  const auto bring = [&](int buffer, int begin) {
    float carry_left[kCarried], carry_right[kCarried];
    fetch_for_group(carry_left, left, part.group, first_row, size.rows, begin, part.to);
    fetch_for_group(carry_right, right, part.group, first_column, size.columns, begin, part.to);
    put_for_group(tiles[buffer][0], left, carry_left);
    put_for_group(tiles[buffer][1], right, carry_right);
    warpgroup_publish();
  };
  bring(0, part.from);
  __syncthreads();
  float sums[32] = {};
  int buffer = 0;
  for (int begin = part.from; begin < part.to; begin += kGroupDepth) {
    const std::uint32_t at_left = shared_address(tiles[buffer][0]), at_right = shared_address(tiles[buffer][1]);
    warpgroup_begin(sums);
    for (int k = 0; k < kGroupDepth; k += kGroupStep)
      warpgroup_multiply(sums, group_tile_descriptor(at_left, k), group_tile_descriptor(at_right, k));
    warpgroup_commit();
    const bool more = begin + kGroupDepth < part.to;
    buffer = 1 - buffer;
    if (more) bring(buffer, begin + kGroupDepth);  // what was there was read by multiplications for which all threads have waited
    warpgroup_wait(sums);
    if (more) __syncthreads();
  }
  const int g = thread % 32 / 4;
  const int t = thread % 4;
  for (int j = 0; j < 8; ++j)
    for (int e = 0; e < 4; ++e) {
      const int row = first_row + thread / 32 * 16 + g + e / 2 * 8;
      const int column = first_column + 8 * j + 2 * t + e % 2;
      if (row < size.rows && column < size.columns) out(part.group, part.split, row, column, sums[4 * j + e]);
    }
}

template <class Left, class Right, class Out>
inline void product_warpgroup(const char* op, ProductSize size, Left left, Right right, Out out) {
  const dim3 grid{blocks_for(size.columns, kGroupTile), blocks_for(size.rows, kGroupTile), static_cast<unsigned>(size.groups * size.splits)};
  launch(op, grid, dim3{kGroupThreads, 1, 1}, gemm_7_warpgroup_kernel<Left, Right, Out>, size, left, right, out);
}

struct LeftRows : LeftMatrix {
  __device__ bool has_fours() const { return depth % 4 == 0; }
  __device__ float4 four(int, int row, int k) const { return load4(data + row * depth + k); }
};

inline void gemm_7_warpgroup(GemmSize size, const float* a, const float* b, float* c) {
  product_warpgroup("gemm_7_warpgroup", whole_product(size.m, size.n, size.k), LeftRows{{a, size.k}}, RightMatrix{b, size.n},
                    OutMatrix{c, size.n});
}

/// For whole tiles of rows and columns, rows of 32 bytes, K a multiple of 8: every number once for each tile that needs it, a store with 8
/// rows of 4 numbers, two apart.
inline Promise product_warpgroup_promise(std::int64_t rows, std::int64_t columns, std::int64_t depth) {
  const std::int64_t blocks = rows / kGroupTile * (columns / kGroupTile);
  return {.load_transactions = blocks * depth * 2 * kGroupTile / ladder::kSectorFloats,
          .store_transactions = blocks * 8 * 16 * 8,
          .bank_conflicts = 0,
          .barriers = blocks * ((depth + kGroupDepth - 1) / kGroupDepth)};
}
/// For M and N multiples of 64 and K of 8.
inline Promise gemm_7_warpgroup_promise(GemmSize size) { return product_warpgroup_promise(size.m, size.n, size.k); }

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
