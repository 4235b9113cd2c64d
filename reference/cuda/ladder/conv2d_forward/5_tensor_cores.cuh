/// Rung 5: implicit GEMM on tensor cores, in tf32: the operands of rung 4, the kernel of GEMM's rung 6.
/// 2 N K P Q C/groups R S FLOPs and the loads of rung 4. Off by some 1e-3 of the largest value. Chips from 80 (Ampere) on.
#pragma once

#include "reference/cuda/ladder/conv2d_forward/4_implicit_gemm.cuh"
#include "reference/cuda/ladder/gemm/6_tensor_cores.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

inline void conv2d_forward_5_tensor_cores(const ConvSize& z, const float* x, const float* w, float* y) {
  product_tensor_cores("conv2d_forward_5_tensor_cores", forward_product(z), ForwardFilters{z, w}, ForwardWindows{z, x},
                       ForwardOutput{z, nullptr, y});
}

/// For the sizes of rung 4.
inline Promise conv2d_forward_5_tensor_cores_promise(const ConvSize& z) {
  Promise promise = conv2d_forward_4_implicit_gemm_promise(z);
  promise.store_transactions *= 2;  // 8 rows of 4 numbers two apart
  promise.bank_conflicts = std::int64_t{z.k / kTile} * z.n * z.p * z.q / kTile * (z.c * z.r * z.s / kTileDepth) * 32;
  return promise;
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
