/// Rung 1: one thread for each row, three walks over it: the largest, the sum, the result.
/// y = exp(x - largest) / sum. x, y: [N,C]. 5 N C FLOPs or so, 8 bytes a value at least; the rows of 32 lanes lie C floats apart: 32 sectors
/// for each of the three loads and the store.
#pragma once

#include "reference/cuda/ladder/promise.h"
#include "reference/cuda/platform.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

using ladder::kLanes;
using ladder::Promise;

struct RowsSize {
  int rows = 0, columns = 0;
};

__global__ void softmax_1_naive_kernel(RowsSize size, const float* x, float* y) {
  const int row = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (row >= size.rows) return;
  float largest = x[row * size.columns];
  for (int c = 1; c < size.columns; ++c) {
    const float value = x[row * size.columns + c];
    largest = value > largest ? value : largest;
  }
  float sum = 0;
  for (int c = 0; c < size.columns; ++c) sum += expf(x[row * size.columns + c] - largest);
  for (int c = 0; c < size.columns; ++c) y[row * size.columns + c] = expf(x[row * size.columns + c] - largest) / sum;
}

inline void softmax_1_naive(const RowsSize& size, const float* x, float* y) {
  launch("softmax_1_naive", dim3{blocks_for(size.rows, 64), 1, 1}, dim3{64, 1, 1}, softmax_1_naive_kernel, size, x, y);
}

/// For rows a multiple of 32 and columns of 8.
inline Promise softmax_1_naive_promise(const RowsSize& size) {
  const std::int64_t steps = std::int64_t{size.rows} / kLanes * size.columns;
  return {.load_transactions = steps * 3 * 32, .store_transactions = steps * 32};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
