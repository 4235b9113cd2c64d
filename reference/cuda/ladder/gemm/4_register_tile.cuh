/// Rung 4: every thread keeps 4 x 4 sums in registers, so that a number read from shared memory serves four multiply-adds.
/// 2 M N K FLOPs; a block computes 64 x 64 of C and loads 2 x 1024 floats for 16 x 4096 multiply-adds: a quarter of rung 3's loads.
/// A thread reads 8 floats of shared memory for 16 multiply-adds, a quarter as well.
///
/// Where A and B come from is a parameter: a matrix here, the windows of an image in the ladders of convolution (implicit GEMM). The
/// library's linear layers and convolutions are this kernel.
#pragma once

#include "reference/cuda/ladder/gemm/size.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

inline constexpr int kTile = 64;          // of C, both ways
inline constexpr int kTileDepth = 16;     // of K
inline constexpr int kTileThreads = 256;  // a square of 16 x 16
inline constexpr int kOwn = 4;            // sums of a thread, both ways
/// Two more than the tile: lanes that store down a column then meet 32 different banks.
inline constexpr int kTileStride = kTile + 2;

/// How many products (of groups of a convolution), and how K is divided among blocks that each add up a part.
struct ProductSize {
  int rows = 0, columns = 0, depth = 0;
  int groups = 1;
  int splits = 1;
  int split_depth = 0;  ///< of K that one block adds up; depth when it is not divided
};
inline ProductSize whole_product(int rows, int columns, int depth, int groups = 1) {
  return {rows, columns, depth, groups, 1, depth > 0 ? depth : 1};
}

/// tile[k][i] = from(group, first + i, begin + k), 0 outside. With From::kAlongDepth neighbouring threads go along k, else along i:
/// the way in which memory lies.
template <std::size_t kStride, class From>
__device__ void fill_tile(float (&tile)[kTileDepth][kStride], const From& from, int group, int first, int limit, int begin, int end) {
  const int thread = static_cast<int>(threadIdx.x);
  for (int i = 0; i < kTile * kTileDepth / kTileThreads; ++i) {
    const int at = thread + i * kTileThreads;
    const int k = From::kAlongDepth ? at % kTileDepth : at / kTile;
    const int place = From::kAlongDepth ? at / kTileDepth : at % kTile;
    tile[k][place] = first + place < limit && begin + k < end ? from(group, first + place, begin + k) : 0.0F;
  }
}

/// Which product a block works on, and the part [from, to) of K that it adds up.
struct PartOfProduct {
  int group, split, from, to;
};
__device__ inline PartOfProduct part_of_block(const ProductSize& size) {
  const int split = static_cast<int>(blockIdx.z) % size.splits;
  const int from = split * size.split_depth;
  const int to = from + size.split_depth;
  return {static_cast<int>(blockIdx.z) / size.splits, split, from, to < size.depth ? to : size.depth};
}

/// left(group, row, k) and right(group, column, k) give the operands; out(group, split, row, column, sum) takes the result.
template <class Left, class Right, class Out>
__global__ void __launch_bounds__(kTileThreads) gemm_4_register_tile_kernel(ProductSize size, Left left, Right right, Out out) {
  __shared__ float a[kTileDepth][kTileStride];
  __shared__ float b[kTileDepth][kTileStride];
  const int tx = static_cast<int>(threadIdx.x) % 16;
  const int ty = static_cast<int>(threadIdx.x) / 16;
  const int first_column = static_cast<int>(blockIdx.x) * kTile;
  const int first_row = static_cast<int>(blockIdx.y) * kTile;
  const auto [group, split, from, to] = part_of_block(size);
  float sums[kOwn][kOwn] = {};
  for (int begin = from; begin < to; begin += kTileDepth) {
    fill_tile(a, left, group, first_row, size.rows, begin, to);
    fill_tile(b, right, group, first_column, size.columns, begin, to);
    __syncthreads();
    for (int k = 0; k < kTileDepth; ++k) {
      float row[kOwn];
      float column[kOwn];
      for (int i = 0; i < kOwn; ++i) row[i] = a[k][ty + 16 * i];  // two numbers in a warp: no conflict
      for (int j = 0; j < kOwn; ++j) column[j] = b[k][tx + 16 * j];
      for (int i = 0; i < kOwn; ++i)
        for (int j = 0; j < kOwn; ++j) sums[i][j] += row[i] * column[j];
    }
    __syncthreads();
  }
  for (int i = 0; i < kOwn; ++i)
    for (int j = 0; j < kOwn; ++j) {
      const int row = first_row + ty + 16 * i;
      const int column = first_column + tx + 16 * j;
      if (row < size.rows && column < size.columns) out(group, split, row, column, sums[i][j]);
    }
}

template <class Left, class Right, class Out>
inline void product_register_tile(const char* op, ProductSize size, Left left, Right right, Out out) {
  const dim3 grid{blocks_for(size.columns, kTile), blocks_for(size.rows, kTile), static_cast<unsigned>(size.groups * size.splits)};
  launch(op, grid, dim3{kTileThreads, 1, 1}, gemm_4_register_tile_kernel<Left, Right, Out>, size, left, right, out);
}

/// A matrix of the product in memory, row-major: A of C = A B.
struct LeftMatrix {
  static constexpr bool kAlongDepth = true;
  const float* data;
  int depth;
  __device__ float operator()(int, int row, int k) const { return data[row * depth + k]; }
};
/// B of C = A B.
struct RightMatrix {
  static constexpr bool kAlongDepth = false;
  const float* data;
  int columns;
  __device__ float operator()(int, int column, int k) const { return data[k * columns + column]; }
};
struct OutMatrix {
  float* data;
  int columns;
  __device__ void operator()(int, int, int row, int column, float sum) const { data[row * columns + column] = sum; }
};

inline void gemm_4_register_tile(GemmSize size, const float* a, const float* b, float* c) {
  product_register_tile("gemm_4_register_tile", whole_product(size.m, size.n, size.k), LeftMatrix{a, size.k}, RightMatrix{b, size.n},
                        OutMatrix{c, size.n});
}

/// For M and N multiples of 64 and K of 16. A tile of A is 64 rows of 2 sectors, of B 16 rows of 8.
inline Promise gemm_4_register_tile_promise(GemmSize size) {
  const std::int64_t blocks = std::int64_t{size.m / kTile} * (size.n / kTile);
  const std::int64_t tiles = blocks * (size.k / kTileDepth);
  return {.load_transactions = tiles * 2 * 128, .store_transactions = blocks * 512, .bank_conflicts = 0, .barriers = tiles * 2};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
