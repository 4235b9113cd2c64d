/// Rung 5: implicit GEMM on warpgroups, in tf32: the operands of rung 3, the kernel of GEMM's rung 7.
/// The FLOPs and loads of rung 3. Off by some 1e-3 of the largest value. Compute capability 9.0 (Hopper) only.
#pragma once

#include "reference/cuda/ladder/conv2d_backward_input/3_implicit_gemm.cuh"
#include "reference/cuda/ladder/gemm/7_warpgroup.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

inline void conv2d_backward_input_5_warpgroup(const ConvSize& z, const float* dy, const float* w, float* dx) {
  with_turned_filters(z, w, [&](const auto& filters) {
    product_warpgroup("conv2d_backward_input_5_warpgroup", backward_input_product(z), filters, BackwardWindows{z, dy}, InputGradient{z, dx});
  });
}

/// For the sizes of rung 3.
inline Promise conv2d_backward_input_5_warpgroup_promise(const ConvSize& z) {
  return product_warpgroup_promise(z.c, std::int64_t{z.n} * z.h * z.w, z.k);
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
