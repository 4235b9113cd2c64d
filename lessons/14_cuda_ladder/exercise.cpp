// expect: loads every number again for each of its neighbours
#include "exercise.h"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

/// Every thread loads its nine numbers from global memory. Let the threads of a block load a tile and what lies around it into shared
/// memory first, each number once.
__global__ void blur_kernel(int rows, int columns, const float* x, float* y) {
  const int column = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int row = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
  if (row >= rows || column >= columns) return;
  float sum = 0;
  for (int r = row - 1; r <= row + 1; ++r)
    for (int c = column - 1; c <= column + 1; ++c)
      if (r >= 0 && r < rows && c >= 0 && c < columns) sum += x[r * columns + c];
  y[row * columns + column] = sum;
}

void blur(int rows, int columns, const float* x, float* y) {
  launch("blur", dim3{blocks_for(columns, 32), blocks_for(rows, 8), 1}, dim3{32, 8, 1}, blur_kernel, rows, columns, x, y);
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
