/// Rung 3: implicit GEMM: dw [K, C R S] is the product of dy [K, N P Q] with the windows of x [N P Q, C R S].
/// 2 N K P Q C/groups R S FLOPs; 1/32 of a float loaded for each multiply-add. The result is small and the sum long, so that tiles of dw
/// alone would keep few multiprocessors busy: the sum is divided among blocks (split K), whose parts a second kernel adds up, in
/// order, so that the bits are the same every time. That writes and reads K C/groups R S floats for every part. All strides, paddings,
/// dilations and groups. The library's kernel.
#pragma once

#include "reference/cuda/ladder/conv2d_forward/4_implicit_gemm.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

/// Row: a filter of the group. Along K: pixels of all images of y.
struct OutputGradients {
  static constexpr bool kAlongDepth = true;
  ConvSize z;
  const float* dy;
  __device__ float operator()(int group, int filter, int pixel) const {
    const int n = pixel / (z.p * z.q);
    return dy[(n * z.k + group * (z.k / z.groups) + filter) * z.p * z.q + pixel % (z.p * z.q)];
  }
};

/// Column: channel of the group, row and column of the window. Along K as above.
struct WindowsOfPixels {
  static constexpr bool kAlongDepth = true;
  ConvSize z;
  const float* x;
  __device__ float operator()(int group, int place, int pixel) const { return window_value(z, x, group, place, pixel); }
};

/// Where the sum of one part goes: dw itself when there is only one, to which it is added, else a place of its own.
struct WeightGradient {
  ConvSize z;
  float* dw;
  float* parts;  ///< [splits][K C/groups R S]; null when there is one part
  __device__ void operator()(int group, int split, int filter, int place, float sum) const {
    const int row = z.c / z.groups * z.r * z.s;
    const int weight = (group * (z.k / z.groups) + filter) * row + place;
    if (parts == nullptr)
      dw[weight] += sum;
    else
      parts[split * z.k * row + weight] = sum;
  }
};

/// to[i] += sum over the parts of parts[part][i].
__global__ void add_parts_kernel(int count, int parts, const float* from, float* to) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  float sum = 0;
  for (int part = 0; part < parts; ++part) sum += from[part * count + i];
  to[i] += sum;
}

/// Into how many parts the sum over N P Q is divided: as many as make `kWantedBlocks` blocks, of 1024 pixels at least.
inline constexpr int kWantedBlocks = 256;
inline constexpr int kPartPixels = 1024;
inline int weight_splits(const ConvSize& z) {
  const std::int64_t blocks =
      std::int64_t{blocks_for(z.filters(), kTile)} * blocks_for(z.channels() * z.r * z.s, kTile) * z.groups;
  const std::int64_t pixels = std::int64_t{z.n} * z.p * z.q;
  const std::int64_t wanted = blocks > 0 ? (kWantedBlocks + blocks - 1) / blocks : 1;
  const std::int64_t most = pixels / kPartPixels > 1 ? pixels / kPartPixels : 1;
  return static_cast<int>(wanted < most ? wanted : most);
}
/// Floats of memory that the parts need; 0 when there is only one.
inline std::int64_t weight_parts_floats(const ConvSize& z) {
  const int splits = weight_splits(z);
  return splits > 1 ? std::int64_t{splits} * z.k * z.channels() * z.r * z.s : 0;
}

/// dw += ...; parts: weight_parts_floats(z) floats. `multiply` starts the product: (size, where the sums go).
template <class Multiply>
inline void add_weight_gradient(const ConvSize& z, float* dw, float* parts, const Multiply& multiply) {
  const int pixels = z.n * z.p * z.q;
  ProductSize size = whole_product(z.filters(), z.channels() * z.r * z.s, pixels, z.groups);
  size.splits = weight_splits(z);
  const int part = (pixels + size.splits - 1) / size.splits;
  size.split_depth = part > 0 ? (part + kTileDepth - 1) / kTileDepth * kTileDepth : 1;
  if (size.splits == 1) parts = nullptr;
  multiply(size, WeightGradient{z, dw, parts});
  if (parts == nullptr) return;
  const int count = z.k * z.channels() * z.r * z.s;
  launch("conv2d_backward_weights", dim3{blocks_for(count, 256), 1, 1}, dim3{256, 1, 1}, add_parts_kernel, count, size.splits, parts, dw);
}

inline void conv2d_backward_weights_3_implicit_gemm(const ConvSize& z, const float* dy, const float* x, float* dw, float* parts) {
  add_weight_gradient(z, dw, parts, [&](const ProductSize& size, const WeightGradient& out) {
    product_register_tile("conv2d_backward_weights", size, OutputGradients{z, dy}, WindowsOfPixels{z, x}, out);
  });
}

/// For windows of 1 x 1 with stride 1, K and C multiples of 64, P Q of 16 and one part: a load of 2 rows x 16 pixels is 4 sectors.
inline Promise conv2d_backward_weights_3_implicit_gemm_promise(const ConvSize& z) {
  const std::int64_t blocks = std::int64_t{z.k / kTile} * (z.c / kTile);
  const std::int64_t tiles = blocks * (std::int64_t{z.n} * z.p * z.q / kTileDepth);
  return {.load_transactions = tiles * 2 * 128 + blocks * 512,
          .store_transactions = blocks * 512,
          .bank_conflicts = 0,
          .barriers = tiles * 2};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
