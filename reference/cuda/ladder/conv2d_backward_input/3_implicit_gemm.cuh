/// Rung 3: implicit GEMM: dx [C, N H W] is the product of the filters turned round [C, K R S] with a matrix of what each pixel
/// gets from where [K R S, N H W], looked up in dy.
/// 2 N K P Q C/groups R S useful FLOPs, stride_h stride_w times as many in all, since pixels between strides multiply zeros; 1/32 of a
/// float loaded for each multiply-add. All strides, paddings, dilations and groups. The library's kernel.
#pragma once

#include "reference/cuda/ladder/conv2d_forward/size.cuh"
#include "reference/cuda/ladder/gemm/4_register_tile.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

/// Row: a channel of the group. Along K: filter of the group, row and column of the window. Numbers side by side in memory are those
/// of a window, or of neighbouring channels where the window is one number.
template <bool kOneNumber>
struct TurnedFilters {
  static constexpr bool kAlongDepth = !kOneNumber;
  ConvSize z;
  const float* w;
  __device__ float operator()(int group, int channel, int d) const {
    const int window = z.r * z.s;
    const int k = group * (z.k / z.groups) + d / window;
    return w[(k * (z.c / z.groups) + channel) * window + d % window];
  }
};

/// Column: a pixel of all images of x. Along K as above.
struct BackwardWindows {
  static constexpr bool kAlongDepth = false;
  ConvSize z;
  const float* dy;
  __device__ float operator()(int group, int pixel, int d) const {
    const int s = d % z.s, r = d / z.s % z.r, k = d / z.s / z.r;
    const int row = pixel / z.w % z.h + z.padding_h - r * z.dilation_h;
    const int column = pixel % z.w + z.padding_w - s * z.dilation_w;
    const int n = pixel / z.w / z.h;
    if (row < 0 || row % z.stride_h != 0 || row / z.stride_h >= z.p) return 0;
    if (column < 0 || column % z.stride_w != 0 || column / z.stride_w >= z.q) return 0;
    return dy[((n * z.k + group * (z.k / z.groups) + k) * z.p + row / z.stride_h) * z.q + column / z.stride_w];
  }
};

struct InputGradient {
  ConvSize z;
  float* dx;
  __device__ void operator()(int group, int, int channel, int pixel, float sum) const {
    const int n = pixel / (z.h * z.w);
    dx[(n * z.c + group * (z.c / z.groups) + channel) * z.h * z.w + pixel % (z.h * z.w)] = sum;
  }
};

inline ProductSize backward_input_product(const ConvSize& z) {
  return whole_product(z.channels(), z.n * z.h * z.w, z.filters() * z.r * z.s, z.groups);
}
/// Calls `multiply` with the filters as they lie in memory.
template <class Multiply>
inline void with_turned_filters(const ConvSize& z, const float* w, const Multiply& multiply) {
  if (z.r * z.s == 1)
    multiply(TurnedFilters<true>{z, w});
  else
    multiply(TurnedFilters<false>{z, w});
}

inline void conv2d_backward_input_3_implicit_gemm(const ConvSize& z, const float* dy, const float* w, float* dx) {
  with_turned_filters(z, w, [&](const auto& filters) {
    product_register_tile("conv2d_backward_input", backward_input_product(z), filters, BackwardWindows{z, dy}, InputGradient{z, dx});
  });
}

/// For windows of 1 x 1 with stride 1, C and N H W multiples of 64 and K of 16.
inline Promise conv2d_backward_input_3_implicit_gemm_promise(const ConvSize& z) {
  const std::int64_t blocks = std::int64_t{z.c / kTile} * z.n * z.h * z.w / kTile;
  const std::int64_t tiles = blocks * (z.k / kTileDepth);
  return {.load_transactions = tiles * 2 * 128, .store_transactions = blocks * 512, .bank_conflicts = 0, .barriers = tiles * 2};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
