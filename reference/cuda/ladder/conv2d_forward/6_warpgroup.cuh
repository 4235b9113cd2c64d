/// Rung 6: implicit GEMM on warpgroups, in tf32: the operands of rung 4, the kernel of GEMM's rung 7. Where C/groups R S is a multiple of
/// four, a thread loads four numbers of a filter at once.
/// 2 N K P Q C/groups R S FLOPs and the loads of rung 4. Off by some 1e-3 of the largest value. Compute capability 9.0 (Hopper) only.
#pragma once

#include "reference/cuda/ladder/conv2d_forward/4_implicit_gemm.cuh"
#include "reference/cuda/ladder/gemm/7_warpgroup.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

struct ForwardFilterRows : ForwardFilters {
  __device__ bool has_fours() const { return z.c / z.groups * z.r * z.s % 4 == 0; }
  __device__ float4 four(int group, int filter, int d) const {
    return load4(w + (group * (z.k / z.groups) + filter) * (z.c / z.groups) * z.r * z.s + d);
  }
};

inline void conv2d_forward_6_warpgroup(const ConvSize& z, const float* x, const float* w, float* y) {
  product_warpgroup("conv2d_forward_6_warpgroup", forward_product(z), ForwardFilterRows{{z, w}}, ForwardWindows{z, x},
                    ForwardOutput{z, nullptr, y});
}

/// For the sizes of rung 4, with C R S a multiple of 8: filters as those of a matrix, windows as in rung 4.
inline Promise conv2d_forward_6_warpgroup_promise(const ConvSize& z) {
  const int pixels = z.n * z.p * z.q, depth = z.c * z.r * z.s;
  Promise promise = product_warpgroup_promise(z.k, pixels, depth);
  promise.load_transactions = promise.load_transactions / 2 + z.k / kGroupTile * window_sectors(z);
  return promise;
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
