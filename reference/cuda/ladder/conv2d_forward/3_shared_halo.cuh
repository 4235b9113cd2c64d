/// Rung 3: a block of 8 x 32 pixels loads the piece of x that it needs, with the halo around it, into shared memory, and computes
/// kHaloFilters filters from it.
/// 2 N K P Q C R S FLOPs; x is loaded (8+R-1)(32+S-1)/256 times for every kHaloFilters filters instead of R S times for every one; the
/// filters' weights are one number for all lanes. Stride and dilation 1, windows up to 7 x 7.
#pragma once

#include "reference/cuda/ladder/conv2d_forward/1_naive.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

inline constexpr int kHaloRows = 8;
inline constexpr int kHaloColumns = 32;
inline constexpr int kHaloWindow = 7;  // at most
inline constexpr int kHaloFilters = 4;

__global__ void conv2d_forward_3_shared_halo_kernel(ConvSize z, const float* x, const float* w, float* y) {
  __shared__ float piece[(kHaloRows + kHaloWindow - 1) * (kHaloColumns + kHaloWindow - 1)];  // row after row
  const int tx = static_cast<int>(threadIdx.x);
  const int ty = static_cast<int>(threadIdx.y);
  const int across = (z.q + kHaloColumns - 1) / kHaloColumns;
  const int first_p = static_cast<int>(blockIdx.x) / across * kHaloRows;
  const int first_q = static_cast<int>(blockIdx.x) % across * kHaloColumns;
  const int first_k = static_cast<int>(blockIdx.y) * kHaloFilters;
  const int n = static_cast<int>(blockIdx.z);
  const int rows = kHaloRows + z.r - 1;
  const int columns = kHaloColumns + z.s - 1;
  float sums[kHaloFilters] = {};
  for (int c = 0; c < z.c; ++c) {
    // One number after the other, whatever row it is in: the lanes of a warp stay side by side.
    for (int e = ty * kHaloColumns + tx; e < rows * columns; e += kHaloRows * kHaloColumns) {
      const int row = first_p + e / columns - z.padding_h;
      const int column = first_q + e % columns - z.padding_w;
      const bool inside = row >= 0 && row < z.h && column >= 0 && column < z.w;
      piece[e] = inside ? x[((n * z.c + c) * z.h + row) * z.w + column] : 0.0F;
    }
    __syncthreads();
    for (int r = 0; r < z.r; ++r)
      for (int s = 0; s < z.s; ++s) {
        const float value = piece[(ty + r) * columns + tx + s];
        for (int f = 0; f < kHaloFilters; ++f)
          if (first_k + f < z.k) sums[f] += value * w[(((first_k + f) * z.c + c) * z.r + r) * z.s + s];
      }
    __syncthreads();
  }
  const int p = first_p + ty;
  const int q = first_q + tx;
  if (p >= z.p || q >= z.q) return;
  for (int f = 0; f < kHaloFilters; ++f)
    if (first_k + f < z.k) y[((n * z.k + first_k + f) * z.p + p) * z.q + q] = sums[f];
}

inline void conv2d_forward_3_shared_halo(const ConvSize& z, const float* x, const float* w, float* y) {
  const dim3 grid{blocks_for(z.p, kHaloRows) * blocks_for(z.q, kHaloColumns), blocks_for(z.k, kHaloFilters), static_cast<unsigned>(z.n)};
  launch("conv2d_forward_3_shared_halo", grid, dim3{kHaloColumns, kHaloRows, 1}, conv2d_forward_3_shared_halo_kernel, z, x, w, y);
}

/// Sectors of the pieces of all images and channels: 32 numbers after one another, which may be in two rows.
inline std::int64_t piece_sectors(const ConvSize& z) {
  const int columns = kHaloColumns + z.s - 1;
  std::int64_t total = 0;
  for (std::int64_t plane = 0; plane < std::int64_t{z.n} * z.c; ++plane)
    for (int p = 0; p < z.p; p += kHaloRows)
      for (int q = 0; q < z.q; q += kHaloColumns) {
        std::int64_t last = -1;
        for (int e = 0; e < (kHaloRows + z.r - 1) * columns; ++e) {
          const std::int64_t sector = ((plane * z.h + p + e / columns) * z.w + q + e % columns) / ladder::kSectorFloats;
          total += e % kLanes == 0 || sector != last ? 1 : 0;  // a request begins, or the address has come to another one
          last = sector;
        }
      }
  return total;
}

/// Without padding, for P a multiple of 8, Q of 32 and K of 4.
inline Promise conv2d_forward_3_shared_halo_promise(const ConvSize& z) {
  const std::int64_t warps = std::int64_t{z.n} * (z.k / kHaloFilters) * z.p * z.q / kLanes;
  return {.load_transactions = piece_sectors(z) * (z.k / kHaloFilters) + warps * z.c * z.r * z.s * kHaloFilters,
          .store_transactions = warps * kHaloFilters * 4,
          .bank_conflicts = 0,
          .barriers = std::int64_t{z.n} * (z.k / kHaloFilters) * (z.p / kHaloRows) * (z.q / kHaloColumns) * z.c * 2};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
