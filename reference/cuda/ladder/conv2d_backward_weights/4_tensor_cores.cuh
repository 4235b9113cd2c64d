/// Rung 4: implicit GEMM on tensor cores, in tf32: the operands of rung 3, the kernel of GEMM's rung 6, the sum divided as there.
/// The FLOPs and loads of rung 3, but dw comes and goes in half sectors. Off by some 1e-3 of the largest value. Chips from 80 (Ampere) on.
#pragma once

#include "reference/cuda/ladder/conv2d_backward_weights/3_implicit_gemm.cuh"
#include "reference/cuda/ladder/gemm/6_tensor_cores.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

inline void conv2d_backward_weights_4_tensor_cores(const ConvSize& z, const float* dy, const float* x, float* dw, float* parts) {
  add_weight_gradient(z, dw, parts, [&](const ProductSize& size, const WeightGradient& out) {
    product_tensor_cores("conv2d_backward_weights_4_tensor_cores", size, OutputGradients{z, dy}, WindowsOfPixels{z, x}, out);
  });
}

/// For the sizes of rung 3. Windows come along K and are stored down a column with a stride of 72: four lanes in a bank; gradients: two.
inline Promise conv2d_backward_weights_4_tensor_cores_promise(const ConvSize& z) {
  const std::int64_t blocks = std::int64_t{z.k / kTile} * (z.c / kTile);
  Promise promise = conv2d_backward_weights_3_implicit_gemm_promise(z);
  promise.load_transactions += blocks * 512;  // of dw: 8 rows of 4 numbers two apart
  promise.store_transactions *= 2;
  promise.bank_conflicts = promise.barriers / 2 * 32 * (3 + 1);
  return promise;
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
