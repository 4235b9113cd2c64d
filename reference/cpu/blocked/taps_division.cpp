#include <algorithm>

#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/taps_layout.h"
#include "reference/cpu/blocked/tiles.h"

// Note [blocks of rows]: output rows are taken in blocks whose input fits in half of the second cache together with the weights
// of some filters. A block goes through all filters before the next begins. Where there is padding, or dy has to be masked, the
// block's input is first copied to where zeros surround it: once for all filters, so that tiles never ask where they are.

namespace convoy::cpu::blocked {
namespace {

constexpr std::int64_t kInputFloats = 96 * 1024;    // of a block: 384 KiB of a second cache of 1 MiB
constexpr std::int64_t kWeightFloats = 160 * 1024;  // of four blocks of filters, else two are taken

Reach reach_of(const Taps& taps) {
  if (taps.count == 0) return {};
  Reach reach{taps.tap[0].row, taps.tap[0].row + 1, taps.tap[0].column, taps.tap[0].column + 1};
  for (const Tap& tap : taps.span()) {
    reach.row_begin = std::min(reach.row_begin, tap.row);
    reach.row_end = std::max(reach.row_end, tap.row + 1);
    reach.column_begin = std::min(reach.column_begin, tap.column);
    reach.column_end = std::max(reach.column_end, tap.column + 1);
  }
  return reach;
}

bool leaves_image(const TapConvolution& c, const Reach& reach) {
  return reach.row_begin < 0 || reach.column_begin < 0 || (c.y.h - 1) * c.stride_h + reach.row_end > c.x.h ||
         (c.y.w - 1) * c.stride_w + reach.column_end > c.x.w;
}

}  // namespace

Division divide(const TapConvolution& c, bool pairs) {
  Division d;
  d.pairs = pairs;
  d.reach = reach_of(c.taps);
  d.packs = pairs || c.mask != nullptr || leaves_image(c, d.reach) || c.x.pixel == 1;
  const bool one_column = d.reach.column_end - d.reach.column_begin == 1;
  if (one_column && c.stride_w > 1 && c.x.pixel > 1) {
    d.packs = true;
    d.step = c.stride_w;
  }
  const int last_start = pairs ? (c.y.w - 1) / 2 * 2 : c.y.w - 1;  // pixel at which the last vector begins
  d.packed_w = d.step > 1 ? c.y.w : last_start * c.stride_w + d.reach.column_end - d.reach.column_begin;
  const std::int64_t row = std::int64_t{c.x.planes} * d.packed_w * c.x.pixel;
  const std::int64_t image = row * d.packed_rows(c, c.y.h);
  if (image <= kInputFloats) {
    d.rows = c.y.h;
    d.images = static_cast<int>(std::clamp<std::int64_t>(kInputFloats / std::max<std::int64_t>(image, 1), 1, c.images));
    d.images = std::min(d.images, std::max(1, c.images / max_threads()));
  } else {
    while (d.rows < c.y.h && row * d.packed_rows(c, d.rows + 1) <= kInputFloats) ++d.rows;
    const int blocks = (c.y.h + d.rows - 1) / d.rows;
    d.rows = (c.y.h + blocks - 1) / blocks;  // equally high ones
  }
  d.row_blocks = (c.y.h + d.rows - 1) / d.rows;
  const int out_blocks = blocks_of(c.weights.outs);
  const std::int64_t filter_block = std::int64_t{c.weights.ins} * c.taps.count * kBlock;
  d.filter_blocks = std::min(kMaxBlocks, 2);
  if (kMaxBlocks == 4 && out_blocks % 4 == 0 && c.y.w % 7 == 0 && c.y.w % 14 != 0 && 4 * filter_block <= kWeightFloats)
    d.filter_blocks = 4;
  d.filter_groups = (out_blocks + d.filter_blocks - 1) / d.filter_blocks;
  return d;
}

}  // namespace convoy::cpu::blocked
