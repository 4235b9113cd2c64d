/// What the rungs of GEMM multiply: C = A B, row-major. A: [M,K]   B: [K,N]   C: [M,N], overwritten.
/// 2 M N K FLOPs. At least M K + K N floats are loaded and M N stored: 4 (M K + K N + M N) bytes.
#pragma once

#include "reference/cuda/ladder/promise.h"
#include "reference/cuda/platform.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

struct GemmSize {
  int m = 0, n = 0, k = 0;
};

using ladder::kLanes;
using ladder::Promise;

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
