/// The exercise of lesson 14.
#pragma once

#include "reference/cuda/platform.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

/// y[r][c] = sum of x[r'][c'] over the nine numbers around, r' from r - 1 to r + 1 and c' from c - 1 to c + 1. What lies outside of
/// the matrix counts as zero. x, y: [rows, columns] on the device, row after row; y is overwritten.
///
/// Write the kernel and launch it: launch("blur", dim3{blocks across, blocks down, 1}, dim3{threads across, threads down, 1}, kernel,
/// arguments...). Rows and columns may be anything from one on.
void blur(int rows, int columns, const float* x, float* y);

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
