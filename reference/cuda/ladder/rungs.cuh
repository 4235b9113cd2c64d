/// The table of all rungs, compiled once for each side: for the GPU by device/rungs.cu, for the emulator by emulated/rungs.cpp.
#pragma once

#include "reference/cuda/ladder/add_bucket/3_vectorised.cuh"
#include "reference/cuda/ladder/batch_norm2d/1_naive.cuh"
#include "reference/cuda/ladder/batch_norm2d/3_shuffles.cuh"
#include "reference/cuda/ladder/conv2d_backward_input/1_scatter.cuh"
#include "reference/cuda/ladder/conv2d_backward_input/2_gather.cuh"
#include "reference/cuda/ladder/conv2d_backward_input/4_tensor_cores.cuh"
#include "reference/cuda/ladder/conv2d_backward_input/5_warpgroup.cuh"
#include "reference/cuda/ladder/conv2d_backward_weights/1_naive.cuh"
#include "reference/cuda/ladder/conv2d_backward_weights/2_block_a_weight.cuh"
#include "reference/cuda/ladder/conv2d_backward_weights/4_tensor_cores.cuh"
#include "reference/cuda/ladder/conv2d_backward_weights/5_warpgroup.cuh"
#include "reference/cuda/ladder/conv2d_forward/2_coalesced.cuh"
#include "reference/cuda/ladder/conv2d_forward/3_shared_halo.cuh"
#include "reference/cuda/ladder/conv2d_forward/5_tensor_cores.cuh"
#include "reference/cuda/ladder/conv2d_forward/6_warpgroup.cuh"
#include "reference/cuda/ladder/gemm/1_naive.cuh"
#include "reference/cuda/ladder/gemm/2_coalesced.cuh"
#include "reference/cuda/ladder/gemm/3_shared_tile.cuh"
#include "reference/cuda/ladder/gemm/5_double_buffered.cuh"
#include "reference/cuda/ladder/gemm/6_tensor_cores.cuh"
#include "reference/cuda/ladder/gemm/7_warpgroup.cuh"
#include "reference/cuda/ladder/max_pool2d/2_coalesced.cuh"
#include "reference/cuda/ladder/rung.h"
#include "reference/cuda/ladder/softmax/2_warp_a_row.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {
namespace {

using ladder::Operands;
using ladder::Rung;
using ladder::Size;

GemmSize gemm_of(const Size& s) { return {s.first.n, s.second.c, s.first.c}; }
/// x, w and y of a convolution, whichever of them are operands.
ConvSize conv_of(const Shape& x, const Shape& w, const Shape& y, const Window& o) {
  return {x.n, x.c, x.h, x.w, w.n, w.h, w.w, y.h, y.w, o.stride_h, o.stride_w, o.padding_h, o.padding_w, o.dilation_h, o.dilation_w, x.c / w.c};
}
ConvSize forward_of(const Size& s) { return conv_of(s.first, s.second, s.out, s.window); }
ConvSize backward_input_of(const Size& s) { return conv_of(s.out, s.second, s.first, s.window); }
ConvSize backward_weights_of(const Size& s) { return conv_of(s.second, s.out, s.first, s.window); }
ConvSize pool_of(const Size& s) {
  return conv_of(s.first, {s.first.c, s.first.c, s.window.kernel_h, s.window.kernel_w}, s.out, s.window);
}
NormSize norm_of(const Size& s) { return {s.first.n, s.first.c, s.first.h * s.first.w, 1e-5}; }
RowsSize rows_of(const Size& s) { return {s.first.n, s.first.c}; }
int count_of(const Size& s) { return static_cast<int>(s.first.count()); }

constexpr Rung kGemm[] = {
    {1, "one thread a number, going down columns", [](const Size& s, const Operands& o) { gemm_1_naive(gemm_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return gemm_1_naive_promise(gemm_of(s)); }},
    {2, "coalesced: going along rows", [](const Size& s, const Operands& o) { gemm_2_coalesced(gemm_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return gemm_2_coalesced_promise(gemm_of(s)); }},
    {3, "tiles of 16 x 16 in shared memory", [](const Size& s, const Operands& o) { gemm_3_shared_tile(gemm_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return gemm_3_shared_tile_promise(gemm_of(s)); }},
    {4, "4 x 4 sums of a thread in registers",
     [](const Size& s, const Operands& o) { gemm_4_register_tile(gemm_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return gemm_4_register_tile_promise(gemm_of(s)); }},
    {5, "four floats a load, two tiles in turn",
     [](const Size& s, const Operands& o) { gemm_5_double_buffered(gemm_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return gemm_5_double_buffered_promise(gemm_of(s)); }},
    {6, "tensor cores, tf32", [](const Size& s, const Operands& o) { gemm_6_tensor_cores(gemm_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return gemm_6_tensor_cores_promise(gemm_of(s)); }, 80, true},
    {7, "warpgroups that fetch for themselves, tf32",
     [](const Size& s, const Operands& o) { gemm_7_warpgroup(gemm_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return gemm_7_warpgroup_promise(gemm_of(s)); }, 90, true, true, true, true},
};

constexpr Rung kForward[] = {
    {1, "one thread an output, along filters",
     [](const Size& s, const Operands& o) { conv2d_forward_1_naive(forward_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return conv2d_forward_1_naive_promise(forward_of(s)); }},
    {2, "coalesced: along pixels",
     [](const Size& s, const Operands& o) { conv2d_forward_2_coalesced(forward_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return conv2d_forward_2_coalesced_promise(forward_of(s)); }},
    {3, "a piece of x with its halo in shared memory",
     [](const Size& s, const Operands& o) { conv2d_forward_3_shared_halo(forward_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return conv2d_forward_3_shared_halo_promise(forward_of(s)); }, 75, false, false},
    {4, "implicit GEMM, the library's kernel",
     [](const Size& s, const Operands& o) { conv2d_forward_4_implicit_gemm(forward_of(s), o.first, o.second, nullptr, o.out); },
     [](const Size& s) { return conv2d_forward_4_implicit_gemm_promise(forward_of(s)); }},
    {5, "implicit GEMM on tensor cores, tf32",
     [](const Size& s, const Operands& o) { conv2d_forward_5_tensor_cores(forward_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return conv2d_forward_5_tensor_cores_promise(forward_of(s)); }, 80, true},
    {6, "implicit GEMM on warpgroups, tf32",
     [](const Size& s, const Operands& o) { conv2d_forward_6_warpgroup(forward_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return conv2d_forward_6_warpgroup_promise(forward_of(s)); }, 90, true, true, true, true},
};

constexpr Rung kBackwardInput[] = {
    {1, "scatter: every dy adds to what its window saw",
     [](const Size& s, const Operands& o) { conv2d_backward_input_1_scatter(backward_input_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return conv2d_backward_input_1_scatter_promise(backward_input_of(s)); }},
    {2, "gather: every dx looks for its outputs",
     [](const Size& s, const Operands& o) { conv2d_backward_input_2_gather(backward_input_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return conv2d_backward_input_2_gather_promise(backward_input_of(s)); }},
    {3, "implicit GEMM, the library's kernel",
     [](const Size& s, const Operands& o) { conv2d_backward_input_3_implicit_gemm(backward_input_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return conv2d_backward_input_3_implicit_gemm_promise(backward_input_of(s)); }},
    {4, "implicit GEMM on tensor cores, tf32",
     [](const Size& s, const Operands& o) { conv2d_backward_input_4_tensor_cores(backward_input_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return conv2d_backward_input_4_tensor_cores_promise(backward_input_of(s)); }, 80, true},
    {5, "implicit GEMM on warpgroups, tf32",
     [](const Size& s, const Operands& o) { conv2d_backward_input_5_warpgroup(backward_input_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return conv2d_backward_input_5_warpgroup_promise(backward_input_of(s)); }, 90, true, true, true, true},
};

constexpr Rung kBackwardWeights[] = {
    {1, "one thread a weight",
     [](const Size& s, const Operands& o) { conv2d_backward_weights_1_naive(backward_weights_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return conv2d_backward_weights_1_naive_promise(backward_weights_of(s)); }},
    {2, "a block a weight, along pixels",
     [](const Size& s, const Operands& o) { conv2d_backward_weights_2_block_a_weight(backward_weights_of(s), o.first, o.second, o.out); },
     [](const Size& s) { return conv2d_backward_weights_2_block_a_weight_promise(backward_weights_of(s)); }},
    {3, "implicit GEMM with the sum divided, the library's kernel",
     [](const Size& s, const Operands& o) {
       conv2d_backward_weights_3_implicit_gemm(backward_weights_of(s), o.first, o.second, o.out, o.parts);
     },
     [](const Size& s) { return conv2d_backward_weights_3_implicit_gemm_promise(backward_weights_of(s)); }},
    {4, "implicit GEMM on tensor cores, tf32",
     [](const Size& s, const Operands& o) {
       conv2d_backward_weights_4_tensor_cores(backward_weights_of(s), o.first, o.second, o.out, o.parts);
     },
     [](const Size& s) { return conv2d_backward_weights_4_tensor_cores_promise(backward_weights_of(s)); }, 80, true},
    {5, "implicit GEMM on warpgroups, tf32",
     [](const Size& s, const Operands& o) { conv2d_backward_weights_5_warpgroup(backward_weights_of(s), o.first, o.second, o.out, o.parts); },
     [](const Size& s) { return conv2d_backward_weights_5_warpgroup_promise(backward_weights_of(s)); }, 90, true, true, true, true},
};

constexpr Rung kBatchNorm[] = {
    {1, "one thread a channel", [](const Size& s, const Operands& o) { batch_norm2d_1_naive(norm_of(s), o.first, o.sums, o.out); },
     [](const Size& s) { return batch_norm2d_1_naive_promise(norm_of(s)); }},
    {2, "a block a channel, a tree in shared memory",
     [](const Size& s, const Operands& o) { batch_norm2d_2_shared_sums(norm_of(s), o.first, o.sums, o.out); },
     [](const Size& s) { return batch_norm2d_2_shared_sums_promise(norm_of(s)); }},
    {3, "shuffles in place of the tree, the library's kernel",
     [](const Size& s, const Operands& o) { batch_norm2d_3_shuffles(norm_of(s), o.first, o.sums, o.out); },
     [](const Size& s) { return batch_norm2d_3_shuffles_promise(norm_of(s)); }},
};

constexpr Rung kMaxPool[] = {
    {1, "one thread an output, along channels", [](const Size& s, const Operands& o) { max_pool2d_1_naive(pool_of(s), o.first, o.out); },
     [](const Size& s) { return max_pool2d_1_naive_promise(pool_of(s)); }},
    {2, "coalesced: along pixels, the library's kernel",
     [](const Size& s, const Operands& o) { max_pool2d_2_coalesced(pool_of(s), o.first, o.out); },
     [](const Size& s) { return max_pool2d_2_coalesced_promise(pool_of(s)); }},
};

constexpr Rung kSoftmax[] = {
    {1, "one thread a row", [](const Size& s, const Operands& o) { softmax_1_naive(rows_of(s), o.first, o.out); },
     [](const Size& s) { return softmax_1_naive_promise(rows_of(s)); }},
    {2, "a warp a row, shuffles",
     [](const Size& s, const Operands& o) { softmax_2_warp_a_row(rows_of(s), o.first, o.out); },
     [](const Size& s) { return softmax_2_warp_a_row_promise(rows_of(s)); }},
};

constexpr Rung kAddBucket[] = {
    {1, "a stretch for every thread", [](const Size& s, const Operands& o) { add_bucket_1_naive(count_of(s), o.first, o.out); },
     [](const Size& s) { return add_bucket_1_naive_promise(count_of(s)); }},
    {2, "coalesced: a float for every thread", [](const Size& s, const Operands& o) { add_bucket_2_coalesced(count_of(s), o.first, o.out); },
     [](const Size& s) { return add_bucket_2_coalesced_promise(count_of(s)); }},
    {3, "four floats at once",
     [](const Size& s, const Operands& o) { add_bucket_3_vectorised(count_of(s), o.first, o.out); },
     [](const Size& s) { return add_bucket_3_vectorised_promise(count_of(s)); }},
};

}  // namespace

std::span<const Rung> rungs_of(std::string_view op) {
  struct Row {
    std::string_view op;
    std::span<const Rung> rungs;
  };
  const Row rows[] = {{"gemm", kGemm},
                      {"conv2d_forward", kForward},
                      {"conv2d_backward_input", kBackwardInput},
                      {"conv2d_backward_weights", kBackwardWeights},
                      {"batch_norm2d", kBatchNorm},
                      {"max_pool2d", kMaxPool},
                      {"softmax", kSoftmax},
                      {"add_bucket", kAddBucket}};
  for (const Row& row : rows)
    if (row.op == op) return row.rungs;
  return {};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
