/// How a convolution as a sum over taps is divided, and how weights are laid out for tiles. Internal to taps.cpp.
#pragma once

#include <array>
#include <cstddef>

#include "reference/cpu/blocked/taps.h"

namespace convoy::cpu::blocked {

/// The rows and columns of x that a block of output rows reads, from the row i * stride on.
struct Reach {
  int row_begin = 0, row_end = 1, column_begin = 0, column_end = 1;  ///< of the taps: smallest, and largest + 1
};

/// How a convolution is divided: blocks of whole images, or of rows of one image.
struct Division {
  bool packs = false;
  Reach reach;
  int packed_w = 0;       ///< columns of a packed row
  int step = 1;           ///< columns of x from one packed column to the next: where only every second one is read
  int rows = 1;           ///< output rows of a block, all rows of an image when it has several
  int images = 1;         ///< of a block
  int row_blocks = 1;     ///< in an image
  int filter_blocks = 1;  ///< in a tile
  int filter_groups = 1;
  bool pairs = false;  ///< of pixels in a vector

  [[nodiscard]] int packed_rows(const TapConvolution& c, int output_rows) const {
    return (output_rows - 1) * c.stride_h + reach.row_end - reach.row_begin;
  }
};

Division divide(const TapConvolution& c, bool pairs);

/// The taps of pairs of pixels, and which of the window's taps each is for the pixel (low) and for its neighbour (high); -1:
/// none.
struct Pairs {
  Taps taps;
  std::array<int, kMaxTaps> low, high;

  /// The tap at this place, added where it is new.
  std::size_t at(int row, int column) {
    int t = 0;
    while (t < taps.count &&
           (taps.tap[static_cast<std::size_t>(t)].row != row || taps.tap[static_cast<std::size_t>(t)].column != column))
      ++t;
    const auto index = static_cast<std::size_t>(t);
    if (t == taps.count) {
      taps.add({row, column, 0, 0});
      low[index] = high[index] = -1;
    }
    return index;
  }
};

/// Whether pairs are possible and save work; see Note [pairs of pixels].
bool make_pairs(const TapConvolution& c, Pairs& pairs);

/// Weights as tiles read them: [group of filter blocks][planes][taps][lanes][filter blocks][16], lanes of padding 0.
void pack_weights(const TapConvolution& c, const Division& d, float* packed);
/// Weights as tiles of pairs read them: [planes][taps][lanes][2][8].
void pack_pairs(const TapConvolution& c, const Taps& window, const Pairs& pairs, float* packed);

}  // namespace convoy::cpu::blocked
