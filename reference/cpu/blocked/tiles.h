/// The innermost loops of the direct convolution: a tile of T neighbouring output pixels by NK blocks of filters that stays in
/// registers from its first product to its last.
///
/// Note [tiles]: AVX-512 has 32 registers of one Vec. 28 of them hold the tile (14 pixels x 2 blocks, 7 x 4, ...); every step
/// loads NK vectors of weights and multiplies each with T values of x, broadcast from memory: T * NK multiply-adds for NK + T
/// loads, so that the arithmetic units and not the loads are the limit. AVX2 has 16 registers of half a Vec, and a tile of 6 x 1.
#pragma once

#include <cstdint>

#include "reference/cpu/blocked/partial_sums.h"
#include "reference/cpu/blocked/vector.h"

namespace convoy::cpu::blocked {

#if defined(__AVX512F__)
inline constexpr int kMaxBlocks = 4;  ///< of filters in a tile
/// Most pixels of a tile with so many blocks of filters.
constexpr int max_pixels(int filter_blocks) { return filter_blocks == 4 ? 7 : filter_blocks == 2 ? 14 : 16; }
#else
inline constexpr int kMaxBlocks = 1;
constexpr int max_pixels(int) { return 6; }
#endif

/// What all tiles of a convolution share.
struct TileJob {
  const std::int64_t* taps = nullptr;  ///< where the elements of the window lie, in floats from the pixel's place in x
  int tap_count = 0;
  int skip_before = 0;       ///< taps whose weights of every plane are passed over, before the first one
  int skip_after = 0;        ///< and behind the last one
  int planes = 0;            ///< blocks of input channels
  int lanes = 0;             ///< channels of a block: 16, or 1 of plain images
  int last_lanes = 0;        ///< of the last block
  std::int64_t x_plane = 0;  ///< floats from block to block of x
  std::int64_t x_step = 0;   ///< floats from pixel to pixel of x
  std::int64_t y_plane = 0;  ///< floats from block to block of y
  std::int64_t y_step = 0;   ///< floats from pixel to pixel of y
  bool relu = false;
};

/// y[t] = bias + sum over planes, taps and lanes of w x[t], for the T pixels of a tile.
/// w: [planes][skip_before + taps + skip_after][lanes][NK][16]   bias: [NK][16]   sums: nullptr, or to [NK][16] sums of y and,
/// `square_sums` behind, of y^2.
using TileFunction = void (*)(const TileJob& job, const float* x, const float* w, const float* bias, float* y, double* sums,
                              std::int64_t square_sums);

/// The function for a tile of `pixels` (at most max_pixels) by `filter_blocks` (1, 2 or 4), for this distance of pixels in x.
TileFunction tile_function(std::int64_t x_step, int pixels, int filter_blocks);

}  // namespace convoy::cpu::blocked
