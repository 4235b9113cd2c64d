#include <algorithm>

#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/taps_layout.h"

// Note [pairs of pixels]: with eight filters or fewer, half of every vector of y would be padding. Then a vector of a tile holds
// the eight channels of one pixel and the eight of its right neighbour. A value of x meets the pixel with the weight of one
// column of the window and the neighbour with that of the column before: a row of S weights makes S + 1 vectors for two pixels
// instead of 2 S.

namespace convoy::cpu::blocked {

void pack_weights(const TapConvolution& c, const Division& d, float* packed) {
  const WeightPart& part = c.weights;
  const std::int64_t window = std::int64_t{part.w.shape.h} * part.w.shape.w;
  const std::int64_t filter = window * part.w.shape.c;
  const int outs_a_group = (part.transposed ? part.w.shape.c : part.w.shape.n / part.groups);
  const int ins_a_group = (part.transposed ? part.w.shape.n / part.groups : part.w.shape.c);
  const std::int64_t out_step = part.transposed ? window : filter;
  const std::int64_t in_step = part.transposed ? filter : window;
  const int out_blocks = blocks_of(part.outs);
  parallel_for(out_blocks, [&](std::int64_t out_block) {
    const int group = static_cast<int>(out_block) / d.filter_blocks;
    const int blocks = std::min(d.filter_blocks, out_blocks - group * d.filter_blocks);
    float* to = packed + std::int64_t{group} * d.filter_blocks * part.ins * c.taps.count * kBlock +
                (out_block - group * d.filter_blocks) * kBlock;
    for (int first_in = 0; first_in < part.ins; first_in += c.in_lanes) {
      const int lanes = std::min(c.in_lanes, part.ins - first_in);
      const std::int64_t lane_step = blocks * kBlock;
      const std::int64_t tap_step = lanes * lane_step;
      for (int o = 0; o < kBlock; ++o) {
        const int out = static_cast<int>(out_block) * kBlock + o;
        const int out_of_layer = part.first_out + out;
        const int group_of_out = out_of_layer / outs_a_group;
        // Lanes [begin, end) are in the group of this filter (or, transposed, channel). A filter is an index of the whole layer,
        // a channel one of its group.
        const int first_of_group = group_of_out * ins_a_group - part.first_in - first_in;
        const int begin = out < part.outs ? std::clamp(first_of_group, 0, lanes) : 0;
        const int end = out < part.outs ? std::clamp(first_of_group + ins_a_group, begin, lanes) : 0;
        const std::int64_t out_at = part.transposed ? out_of_layer - group_of_out * outs_a_group : out_of_layer;
        const std::int64_t in_at = part.transposed ? part.first_in + first_in : -first_of_group;
        const float* from = part.w.data + out_at * out_step + in_at * in_step;
        for (int tap = 0; tap < c.taps.count; ++tap) {
          const Tap& t = c.taps.tap[static_cast<std::size_t>(tap)];
          const float* source = from + std::int64_t{t.r} * part.w.shape.w + t.s;
          float* target = to + tap * tap_step + o;
          for (int lane = 0; lane < begin; ++lane) target[lane * lane_step] = 0;
          for (int lane = begin; lane < end; ++lane) target[lane * lane_step] = source[lane * in_step];
          for (int lane = end; lane < lanes; ++lane) target[lane * lane_step] = 0;
        }
      }
      to += std::int64_t{lanes} * c.taps.count * blocks * kBlock;
    }
  });
}

bool make_pairs(const TapConvolution& c, Pairs& pairs) {
  if (c.weights.outs > kHalf || c.weights.groups != 1 || c.y.pixel != kBlock || c.y.w < 2 || 2 * c.taps.count > kMaxTaps)
    return false;
  for (int begin = 0; begin < c.taps.count;) {  // taps of a row stay neighbours
    const int row = c.taps.tap[static_cast<std::size_t>(begin)].row;
    int end = begin;
    for (; end < c.taps.count && c.taps.tap[static_cast<std::size_t>(end)].row == row; ++end)
      pairs.low[pairs.at(row, c.taps.tap[static_cast<std::size_t>(end)].column)] = end;
    for (int t = begin; t < end; ++t) pairs.high[pairs.at(row, c.taps.tap[static_cast<std::size_t>(t)].column + c.stride_w)] = t;
    begin = end;
  }
  return 5 * pairs.taps.count < 8 * c.taps.count;
}

void pack_pairs(const TapConvolution& c, const Taps& window, const Pairs& pairs, float* packed) {
  const WeightPart& part = c.weights;
  const std::int64_t plane = std::int64_t{part.w.shape.h} * part.w.shape.w;
  const std::int64_t filter = plane * part.w.shape.c;
  const std::int64_t out_step = part.transposed ? plane : filter;
  const std::int64_t in_step = part.transposed ? filter : plane;
  for (int first_in = 0; first_in < part.ins; first_in += c.in_lanes) {
    const int lanes = std::min(c.in_lanes, part.ins - first_in);
    for (std::size_t t = 0; t < static_cast<std::size_t>(pairs.taps.count); ++t) {
      for (int lane = 0; lane < lanes; ++lane) {
        for (const int index : {pairs.low[t], pairs.high[t]}) {
          std::fill_n(packed, kHalf, 0.0F);
          if (index >= 0) {
            const Tap& tap = window.tap[static_cast<std::size_t>(index)];
            const float* from = part.w.data + part.first_out * out_step + (part.first_in + first_in + lane) * in_step +
                                std::int64_t{tap.r} * part.w.shape.w + tap.s;
            for (int out = 0; out < part.outs; ++out) packed[out] = from[out * out_step];
          }
          packed += kHalf;
        }
      }
    }
  }
}

}  // namespace convoy::cpu::blocked
