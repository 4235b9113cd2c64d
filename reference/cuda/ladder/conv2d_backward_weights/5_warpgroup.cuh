/// Rung 5: implicit GEMM on warpgroups, in tf32: the operands of rung 3, the kernel of GEMM's rung 7, the sum divided as there. Both
/// operands lie along K as wgmma wants them, and nothing is turned; where P Q is a multiple of four, a thread loads four numbers of dy.
/// The FLOPs and loads of rung 3, but dw comes and goes in half sectors. Off by some 1e-3 of the largest value. Compute capability 9.0 (Hopper) only.
#pragma once

#include "reference/cuda/ladder/conv2d_backward_weights/3_implicit_gemm.cuh"
#include "reference/cuda/ladder/gemm/7_warpgroup.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

struct OutputGradientRows : OutputGradients {
  __device__ bool has_fours() const { return z.p * z.q % 4 == 0; }
  __device__ float4 four(int group, int filter, int pixel) const {
    const int image = z.p * z.q;
    return load4(dy + (pixel / image * z.k + group * (z.k / z.groups) + filter) * image + pixel % image);
  }
};

inline void conv2d_backward_weights_5_warpgroup(const ConvSize& z, const float* dy, const float* x, float* dw, float* parts) {
  add_weight_gradient(z, dw, parts, [&](const ProductSize& size, const WeightGradient& out) {
    product_warpgroup("conv2d_backward_weights_5_warpgroup", size, OutputGradientRows{{z, dy}}, WindowsOfPixels{z, x}, out);
  });
}

/// For the sizes of rung 3.
inline Promise conv2d_backward_weights_5_warpgroup_promise(const ConvSize& z) {
  Promise promise = product_warpgroup_promise(z.k, z.c, std::int64_t{z.n} * z.p * z.q);
  promise.load_transactions += promise.store_transactions;  // dw is added to
  return promise;
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
