/// Rung 2: a warp for each row; its lanes take columns side by side, and the largest and the sum go round by shuffles.
/// 5 N C FLOPs or so; the loads of rung 1 in full sectors, and no shared memory. The library's loss does the same.
#pragma once

#include "reference/cuda/ladder/softmax/1_naive.cuh"
#include "reference/cuda/reduce.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

/// Largest and sum of exp(x - largest) of a row, in all lanes.
struct RowSums {
  float largest, sum;
};
__device__ inline RowSums row_sums(const float* x, int columns, int lane) {
  float largest = x[0];
  for (int c = lane; c < columns; c += 32) {
    const float value = x[c];
    largest = value > largest ? value : largest;
  }
  largest = warp_largest_everywhere(largest);
  float sum = 0;
  for (int c = lane; c < columns; c += 32) sum += expf(x[c] - largest);
  return {largest, warp_sum_everywhere(sum)};
}

/// Blocks of 4 warps.
__global__ void softmax_2_warp_a_row_kernel(RowsSize size, const float* x, float* y) {
  const int row = static_cast<int>(blockIdx.x) * 4 + static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if (row >= size.rows) return;  // the whole warp
  const float* from = x + row * size.columns;
  const RowSums sums = row_sums(from, size.columns, lane);
  for (int c = lane; c < size.columns; c += 32) y[row * size.columns + c] = expf(from[c] - sums.largest) / sums.sum;
}

inline void softmax_2_warp_a_row(const RowsSize& size, const float* x, float* y) {
  launch("softmax_forward", dim3{blocks_for(size.rows, 4), 1, 1}, dim3{128, 1, 1}, softmax_2_warp_a_row_kernel, size, x, y);
}

/// For columns a multiple of 32: three loads and a store of 4 sectors, and the first number of the row once for all.
inline Promise softmax_2_warp_a_row_promise(const RowsSize& size) {
  const std::int64_t steps = std::int64_t{size.rows} * size.columns / kLanes;
  return {.load_transactions = steps * 3 * 4 + size.rows, .store_transactions = steps * 4};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
