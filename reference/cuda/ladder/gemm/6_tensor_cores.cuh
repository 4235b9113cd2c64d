/// Rung 6: tensor cores. A warp multiplies 16x8 by 8x8 in one instruction, in tf32: ten bits of mantissa, sums in fp32.
/// 2 M N K FLOPs and the loads of rung 4; a warp reads 6 x 32 floats of shared memory for 1024 multiply-adds. The result is off by
/// some 1e-3 of the largest value, except for numbers that ten bits hold. Chips from 80 (Ampere) on.
///
/// A block computes 64 x 64, each of its 8 warps 32 x 16: two by two instructions for every 8 of K. Strides are chosen so that the
/// fragments are read without conflict: of a, 20 (lanes 20 g + t), of b, 72 (72 t + g). Storing a costs two lanes in a bank.
#pragma once

#include "reference/cuda/ladder/gemm/4_register_tile.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

inline constexpr int kTensorStrideA = kTileDepth + 4;
inline constexpr int kTensorStrideB = kTile + 8;

/// Arguments as those of gemm_4_register_tile_kernel.
template <class Left, class Right, class Out>
__global__ void __launch_bounds__(kTileThreads) gemm_6_tensor_cores_kernel(ProductSize size, Left left, Right right, Out out) {
  __shared__ float a[kTile][kTensorStrideA];
  __shared__ float b[kTileDepth][kTensorStrideB];
  const int thread = static_cast<int>(threadIdx.x);
  const int g = thread % 32 / 4;
  const int t = thread % 4;
  const int warp_row = thread / 32 % 2 * 32;
  const int warp_column = thread / 64 * 16;
  const int first_column = static_cast<int>(blockIdx.x) * kTile;
  const int first_row = static_cast<int>(blockIdx.y) * kTile;
  const auto [group, split, from, to] = part_of_block(size);
  float sums[2][2][4] = {};
  for (int begin = from; begin < to; begin += kTileDepth) {
    for (int i = 0; i < kTile * kTileDepth / kTileThreads; ++i) {  // a is not turned: [row][k]
      const int at = thread + i * kTileThreads;
      const int k = Left::kAlongDepth ? at % kTileDepth : at / kTile;
      const int row = Left::kAlongDepth ? at / kTileDepth : at % kTile;
      a[row][k] = first_row + row < size.rows && begin + k < to ? left(group, first_row + row, begin + k) : 0.0F;
    }
    fill_tile(b, right, group, first_column, size.columns, begin, to);
    __syncthreads();
    for (int k = 0; k < kTileDepth; k += 8) {
      for (int i = 0; i < 2; ++i) {
        const int row = warp_row + 16 * i + g;
        const std::uint32_t fragment_a[4] = {to_tf32(a[row][k + t]), to_tf32(a[row + 8][k + t]), to_tf32(a[row][k + t + 4]),
                                             to_tf32(a[row + 8][k + t + 4])};
        for (int j = 0; j < 2; ++j) {
          const int column = warp_column + 8 * j + g;
          const std::uint32_t fragment_b[2] = {to_tf32(b[k + t][column]), to_tf32(b[k + t + 4][column])};
          mma_m16n8k8(sums[i][j], fragment_a, fragment_b);
        }
      }
    }
    __syncthreads();
  }
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j)
      for (int e = 0; e < 4; ++e) {
        const int row = first_row + warp_row + 16 * i + g + e / 2 * 8;
        const int column = first_column + warp_column + 8 * j + 2 * t + e % 2;
        if (row < size.rows && column < size.columns) out(group, split, row, column, sums[i][j][e]);
      }
}

template <class Left, class Right, class Out>
inline void product_tensor_cores(const char* op, ProductSize size, Left left, Right right, Out out) {
  const dim3 grid{blocks_for(size.columns, kTile), blocks_for(size.rows, kTile), static_cast<unsigned>(size.groups * size.splits)};
  launch(op, grid, dim3{kTileThreads, 1, 1}, gemm_6_tensor_cores_kernel<Left, Right, Out>, size, left, right, out);
}

inline void gemm_6_tensor_cores(GemmSize size, const float* a, const float* b, float* c) {
  product_tensor_cores("gemm_6_tensor_cores", whole_product(size.m, size.n, size.k), LeftMatrix{a, size.k}, RightMatrix{b, size.n},
                       OutMatrix{c, size.n});
}

/// For M and N multiples of 64 and K of 16. A store has 8 rows of 4 numbers, two apart: 8 sectors, half of each.
inline Promise gemm_6_tensor_cores_promise(GemmSize size) {
  const std::int64_t blocks = std::int64_t{size.m / kTile} * (size.n / kTile);
  const std::int64_t tiles = blocks * (size.k / kTileDepth);
  return {.load_transactions = tiles * 2 * 128,
          .store_transactions = blocks * 8 * 16 * 8,
          .bank_conflicts = tiles * 32,
          .barriers = tiles * 2};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
