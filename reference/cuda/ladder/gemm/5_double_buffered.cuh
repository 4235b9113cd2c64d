/// Rung 5: four floats in one load, and two tiles in turn: while one is multiplied, the next is on its way.
/// 2 M N K FLOPs and the loads of rung 4, in a quarter of the instructions; one barrier for every tile instead of two. A thread reads
/// 2 x 4 floats of shared memory in two instructions for 16 multiply-adds. A is turned on its way into shared memory, which costs
/// two lanes in a bank at every store: 32 conflicts a tile, for loads of four floats that have none.
/// Rows that are no multiple of 16 bytes long are loaded number by number.
#pragma once

#include "reference/cuda/ladder/gemm/4_register_tile.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

inline constexpr int kVectorStride = kTile + 4;  // a multiple of four, so that rows of the tile can be read as vectors

/// Four numbers of a row of a matrix [rows, columns] from `column` on; 0 outside.
__device__ inline float4 four_of(const float* matrix, int rows, int columns, int row, int column) {
  if (row < rows && columns % 4 == 0 && column + 4 <= columns) return load4(matrix + row * columns + column);
  float4 four{0, 0, 0, 0};
  if (row >= rows) return four;
  if (column < columns) four.x = matrix[row * columns + column];
  if (column + 1 < columns) four.y = matrix[row * columns + column + 1];
  if (column + 2 < columns) four.z = matrix[row * columns + column + 2];
  if (column + 3 < columns) four.w = matrix[row * columns + column + 3];
  return four;
}

__global__ void __launch_bounds__(kTileThreads) gemm_5_double_buffered_kernel(GemmSize size, const float* a, const float* b, float* c) {
  __shared__ float left[2][kTileDepth][kVectorStride];
  __shared__ float right[2][kTileDepth][kVectorStride];
  const int thread = static_cast<int>(threadIdx.x);
  const int tx = thread % 16;
  const int ty = thread / 16;
  const int first_column = static_cast<int>(blockIdx.x) * kTile;
  const int first_row = static_cast<int>(blockIdx.y) * kTile;
  // What this thread carries of every tile: four numbers of A along k, four of B along a row.
  const int a_row = thread / 4, a_k = thread % 4 * 4;
  const int b_k = thread / 16, b_column = thread % 16 * 4;
  const auto put = [&](int buffer, const float4& from_a, const float4& from_b) {
    left[buffer][a_k][a_row] = from_a.x;
    left[buffer][a_k + 1][a_row] = from_a.y;
    left[buffer][a_k + 2][a_row] = from_a.z;
    left[buffer][a_k + 3][a_row] = from_a.w;
    store4(&right[buffer][b_k][b_column], from_b);
  };
  put(0, four_of(a, size.m, size.k, first_row + a_row, a_k), four_of(b, size.k, size.n, b_k, first_column + b_column));
  __syncthreads();
  float sums[kOwn][kOwn] = {};
  int buffer = 0;
  for (int begin = 0; begin < size.k; begin += kTileDepth) {
    const bool more = begin + kTileDepth < size.k;
    float4 next_a{0, 0, 0, 0}, next_b{0, 0, 0, 0};
    if (more) {
      next_a = four_of(a, size.m, size.k, first_row + a_row, begin + kTileDepth + a_k);
      next_b = four_of(b, size.k, size.n, begin + kTileDepth + b_k, first_column + b_column);
    }
    for (int k = 0; k < kTileDepth; ++k) {
      const float4 row = load4(&left[buffer][k][ty * kOwn]);
      const float4 column = load4(&right[buffer][k][tx * kOwn]);
      const float rows[kOwn] = {row.x, row.y, row.z, row.w};
      const float columns[kOwn] = {column.x, column.y, column.z, column.w};
      for (int i = 0; i < kOwn; ++i)
        for (int j = 0; j < kOwn; ++j) sums[i][j] += rows[i] * columns[j];
    }
    if (more) {
      buffer = 1 - buffer;
      put(buffer, next_a, next_b);  // nobody reads this one: the barrier before was after its last use
      __syncthreads();
    }
  }
  for (int i = 0; i < kOwn; ++i) {
    const int row = first_row + ty * kOwn + i;
    const int column = first_column + tx * kOwn;
    if (row >= size.m || column >= size.n) continue;
    if (size.n % 4 == 0) {
      store4(c + row * size.n + column, float4{sums[i][0], sums[i][1], sums[i][2], sums[i][3]});
    } else {
      for (int j = 0; j < kOwn && column + j < size.n; ++j) c[row * size.n + column + j] = sums[i][j];
    }
  }
}

inline void gemm_5_double_buffered(GemmSize size, const float* a, const float* b, float* c) {
  launch("gemm_5_double_buffered", dim3{blocks_for(size.n, kTile), blocks_for(size.m, kTile), 1}, dim3{kTileThreads, 1, 1},
         gemm_5_double_buffered_kernel, size, a, b, c);
}

/// For M and N multiples of 64 and K of 16.
inline Promise gemm_5_double_buffered_promise(GemmSize size) {
  const std::int64_t blocks = std::int64_t{size.m / kTile} * (size.n / kTile);
  const std::int64_t tiles = blocks * (size.k / kTileDepth);
  return {.load_transactions = tiles * 2 * 128,
          .store_transactions = blocks * 512,
          .bank_conflicts = tiles * 32,
          .barriers = tiles};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
