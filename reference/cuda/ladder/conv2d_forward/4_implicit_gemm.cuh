/// Rung 4: implicit GEMM. A convolution is a product of the filters [K, C R S] with a matrix [C R S, N P Q] that has the window of
/// every output as a column; the kernel of GEMM with tiles in registers runs on it, and the windows are looked up in x instead of
/// being written down first.
/// 2 N K P Q C/groups R S FLOPs; for every 64 filters x 64 pixels, filters and windows are loaded once: 1/32 of a float for every
/// multiply-add, where rung 2 has two. All strides, paddings, dilations and groups. The library's forward convolution.
#pragma once

#include "reference/cuda/ladder/conv2d_forward/size.cuh"
#include "reference/cuda/ladder/gemm/4_register_tile.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

/// Row: a filter of the group. Along K: channel, row and column of the window.
struct ForwardFilters {
  static constexpr bool kAlongDepth = true;
  ConvSize z;
  const float* w;
  __device__ float operator()(int group, int filter, int d) const {
    return w[(group * (z.k / z.groups) + filter) * (z.c / z.groups) * z.r * z.s + d];
  }
};

/// Element `place` (channel of the group, row, column) of the window of output `pixel` of all images; zero outside of x.
__device__ inline float window_value(const ConvSize& z, const float* x, int group, int place, int pixel) {
  const int q = pixel % z.q, p = pixel / z.q % z.p, n = pixel / z.q / z.p;
  const int s = place % z.s, r = place / z.s % z.r, c = place / z.s / z.r;
  const int row = p * z.stride_h + r * z.dilation_h - z.padding_h;
  const int column = q * z.stride_w + s * z.dilation_w - z.padding_w;
  if (row < 0 || row >= z.h || column < 0 || column >= z.w) return 0;
  return x[((n * z.c + group * (z.c / z.groups) + c) * z.h + row) * z.w + column];
}

/// Column: a pixel of all images. Along K as above.
struct ForwardWindows {
  static constexpr bool kAlongDepth = false;
  ConvSize z;
  const float* x;
  __device__ float operator()(int group, int pixel, int place) const { return window_value(z, x, group, place, pixel); }
};

/// y = sum, plus the filter's bias where there is one.
struct ForwardOutput {
  ConvSize z;
  const float* bias;
  float* y;
  __device__ void operator()(int group, int, int filter, int pixel, float sum) const {
    const int k = group * (z.k / z.groups) + filter;
    const int n = pixel / (z.p * z.q);
    if (bias != nullptr) sum += bias[k];
    y[(n * z.k + k) * z.p * z.q + pixel % (z.p * z.q)] = sum;
  }
};

inline ProductSize forward_product(const ConvSize& z) {
  return whole_product(z.filters(), z.n * z.p * z.q, z.channels() * z.r * z.s, z.groups);
}

/// bias: K floats, or null.
inline void conv2d_forward_4_implicit_gemm(const ConvSize& z, const float* x, const float* w, const float* bias, float* y) {
  product_register_tile("conv2d_forward", forward_product(z), ForwardFilters{z, w}, ForwardWindows{z, x}, ForwardOutput{z, bias, y});
}

/// Sectors of x that the windows of one tile of 64 pixels and 16 of K take, added up over the tiles. Stride 1, no padding, one group,
/// Q = 32, so that a warp loads a part of one row for one place of the window.
inline std::int64_t window_sectors(const ConvSize& z) {
  std::int64_t total = 0;
  const int depth = z.c * z.r * z.s;
  for (int n = 0; n < z.n; ++n)
    for (int p = 0; p < z.p; ++p)
      for (int d = 0; d < depth; ++d)
        total += ladder::sectors(((std::int64_t{n} * z.c + d / z.s / z.r) * z.h + p + d / z.s % z.r) * z.w + d % z.s, kLanes);
  return total;
}

/// For the same sizes, with K and N P Q multiples of 64 and C R S of 16.
inline Promise conv2d_forward_4_implicit_gemm_promise(const ConvSize& z) {
  const std::int64_t row_blocks = z.k / kTile;
  const std::int64_t column_blocks = std::int64_t{z.n} * z.p * z.q / kTile;
  const std::int64_t tiles = row_blocks * column_blocks * (z.c * z.r * z.s / kTileDepth);
  return {.load_transactions = tiles * 128 + row_blocks * window_sectors(z),
          .store_transactions = row_blocks * column_blocks * 512,
          .bank_conflicts = 0,
          .barriers = tiles * 2};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
