/// Rung 4: implicit GEMM on tensor cores, in tf32: the operands of rung 3, the kernel of GEMM's rung 6.
/// The FLOPs and loads of rung 3. Off by some 1e-3 of the largest value. Chips from 80 (Ampere) on.
#pragma once

#include "reference/cuda/ladder/conv2d_backward_input/3_implicit_gemm.cuh"
#include "reference/cuda/ladder/gemm/6_tensor_cores.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

inline void conv2d_backward_input_4_tensor_cores(const ConvSize& z, const float* dy, const float* w, float* dx) {
  with_turned_filters(z, w, [&](const auto& filters) {
    product_tensor_cores("conv2d_backward_input_4_tensor_cores", backward_input_product(z), filters, BackwardWindows{z, dy},
                         InputGradient{z, dx});
  });
}

/// For the sizes of rung 3. Filters come along rows and are stored down a column with a stride of 20: four lanes in a bank.
inline Promise conv2d_backward_input_4_tensor_cores_promise(const ConvSize& z) {
  Promise promise = conv2d_backward_input_3_implicit_gemm_promise(z);
  promise.store_transactions *= 2;  // 8 rows of 4 numbers two apart
  promise.bank_conflicts = promise.barriers / 2 * 32 * 3;
  return promise;
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
