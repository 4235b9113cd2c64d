/// Rung 4: a tile of outputs in registers, 14 pixels by 32 filters. A weight that is loaded serves 14 pixels, an x serves 32
/// filters, and 28 sums that do not depend on each other keep the multipliers busy. Zeros around x replace the question whether a
/// position lies inside.
/// 28 multiply-adds of 16 numbers take 2 loads of weights and 14 of x: now arithmetic is the limit.
#pragma once

#include <algorithm>
#include <vector>

#include "reference/core/tensor.h"
#include "reference/cpu/blocked/vector.h"
#include "reference/cpu/blocked/view.h"
#include "reference/cpu/ladder/conv2d/turned_weights.h"
#include "reference/model/layer.h"

namespace convoy::cpu::ladder {

inline constexpr int kTilePixels = 14;

/// Copies sample n of x with `padding` zeros around every row and column, and room for a tile that reaches over the end of a row.
inline std::vector<blocked::Vec> padded(blocked::BlockedView<const float> x, int n, const Window& window, int columns) {
  const int rows = x.shape.h + 2 * window.padding_h;
  std::vector<blocked::Vec> copy(static_cast<std::size_t>(x.blocks() * rows * columns));
  for (int block = 0; block < x.blocks(); ++block)
    for (int h = 0; h < x.shape.h; ++h) {
      const auto* from = &blocked::as_vec(x.at(n, block, h, 0));
      std::copy_n(from, x.shape.w, copy.begin() + (block * rows + h + window.padding_h) * columns + window.padding_w);
    }
  return copy;
}

/// One tile: pixels q ... q+13 of row p, two blocks of filters. `x` points to the tile's first input in channel block 0. Weights
/// are TurnedWeights or something else with their at().
template <class Weights>
inline void conv2d_tile(const float* x, std::int64_t block_stride, std::int64_t row_stride, int channels, const Weights& w,
                        int block, int second, const Window& window, blocked::Vec (&sums)[2][kTilePixels]) {
  blocked::Vec a[kTilePixels] = {};
  blocked::Vec b[kTilePixels] = {};
  for (int c = 0; c < channels; ++c)
    for (int r = 0; r < window.kernel_h; ++r)
      for (int s = 0; s < window.kernel_w; ++s) {
        const float* pixel =
            x + (c / blocked::kBlock) * block_stride + r * row_stride + s * blocked::kBlock + c % blocked::kBlock;
        const blocked::Vec wa = w.at(block, c, r, s);
        const blocked::Vec wb = w.at(second, c, r, s);
#pragma GCC unroll 14
        for (int i = 0; i < kTilePixels; ++i) {
          const float value = pixel[i * blocked::kBlock];
          a[i] += value * wa;
          b[i] += value * wb;
        }
      }
#pragma GCC unroll 14
  for (int i = 0; i < kTilePixels; ++i) {
    sums[0][i] = a[i];
    sums[1][i] = b[i];
  }
}

/// The loops around it.
template <class Weights>
inline void conv2d_by_tiles(blocked::BlockedView<const float> x, const Weights& turned, blocked::BlockedView<float> y,
                            const Window& window) {
  const int tiles = (y.shape.w + kTilePixels - 1) / kTilePixels;
  const int columns = tiles * kTilePixels + window.kernel_w;
  const std::int64_t row_stride = std::int64_t{columns} * blocked::kBlock;
  const std::int64_t block_stride = row_stride * (x.shape.h + 2 * window.padding_h);
  blocked::Vec sums[2][kTilePixels];
  for (int n = 0; n < y.shape.n; ++n) {
    const std::vector<blocked::Vec> image = padded(x, n, window, columns);
    const auto* pixels = reinterpret_cast<const float*>(image.data());
    for (int block = 0; block < y.blocks(); block += 2) {
      const int second = std::min(block + 1, y.blocks() - 1);  // the last block alone: computed twice, stored once
      for (int p = 0; p < y.shape.h; ++p)
        for (int q = 0; q < y.shape.w; q += kTilePixels) {
          conv2d_tile(pixels + p * row_stride + std::int64_t{q} * blocked::kBlock, block_stride, row_stride, x.shape.c, turned,
                      block, second, window, sums);
          for (int i = 0; i < std::min(kTilePixels, y.shape.w - q); ++i) {
            blocked::as_vec(y.at(n, block, p, q + i)) = sums[0][i];
            blocked::as_vec(y.at(n, second, p, q + i)) = sums[second == block ? 0 : 1][i];
          }
        }
    }
  }
}

/// y = x (*) w, stride 1. x: [N,C,H,W] blocked   w: [K,C,R,S]   y: [N,K,P,Q] blocked, overwritten.
inline void conv2d_4_register_tile(blocked::BlockedView<const float> x, View<const float> w, blocked::BlockedView<float> y,
                                   const Window& window) {
  conv2d_by_tiles(x, TurnedWeights(w), y, window);
}

}  // namespace convoy::cpu::ladder
