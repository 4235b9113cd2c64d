#include "reference/cpu/blocked/taps.h"

#include <algorithm>
#include <cstring>

#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/partial_sums.h"
#include "reference/cpu/blocked/tiles.h"
#include "reference/cpu/scratch.h"

// Note [blocks of rows]: output rows are taken in blocks whose input fits in half of the second cache together with the weights
// of some filters. A block goes through all filters before the next begins. Where there is padding, or dy has to be masked, the
// block's input is first copied to where zeros surround it: once for all filters, so that tiles never ask where they are.
//
// Note [pairs of pixels]: with eight filters or fewer, half of every vector of y would be padding. Then a vector of a tile holds
// the eight channels of one pixel and the eight of its right neighbour. A value of x meets the pixel with the weight of one
// column of the window and the neighbour with that of the column before: a row of S weights makes S + 1 vectors for two pixels
// instead of 2 S.

namespace convoy::cpu::blocked {
namespace {

constexpr std::int64_t kInputFloats = 96 * 1024;    // of a block: 384 KiB of a second cache of 1 MiB
constexpr std::int64_t kWeightFloats = 160 * 1024;  // of four blocks of filters, else two are taken

/// The rows and columns of x that a block of output rows reads, from the row i * stride on.
struct Reach {
  int row_begin = 0, row_end = 1, column_begin = 0, column_end = 1;  ///< of the taps: smallest, and largest + 1
};

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

bool leaves_image(const TapConvolution& c, const Reach& reach) {
  return reach.row_begin < 0 || reach.column_begin < 0 || (c.y.h - 1) * c.stride_h + reach.row_end > c.x.h ||
         (c.y.w - 1) * c.stride_w + reach.column_end > c.x.w;
}

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

/// Weights as tiles read them: [group of filter blocks][planes][taps][lanes][filter blocks][16], lanes of padding 0.
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

constexpr int kHalf = kBlock / 2;

/// Whether pairs are possible and save work; see Note [pairs of pixels].
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

/// Weights as tiles of pairs read them: [planes][taps][lanes][2][8].
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

/// A row of x as tiles read it: columns [reach.column_begin, ...) with zeros outside the image.
void pack_row(const TapConvolution& c, const Division& d, const float* x, const float* mask, float* to) {
  const int pixel = c.x.pixel;
  if (d.step > 1) {
    for (int q = 0; q < d.packed_w; ++q) {
      const int column = q * d.step + d.reach.column_begin;
      Vec v{};
      if (column >= 0 && column < c.x.w) {
        v = as_vec(x + std::int64_t{column} * pixel);
        if (mask != nullptr) keep_where_positive(v, as_vec(mask + std::int64_t{column} * pixel));
      }
      as_vec(to + std::int64_t{q} * pixel) = v;
    }
    return;
  }
  const int left = std::clamp(-d.reach.column_begin, 0, d.packed_w);  // columns of padding
  const int from = std::max(d.reach.column_begin, 0);
  const int inside = std::clamp(c.x.w - from, 0, d.packed_w - left);
  std::fill_n(to, std::int64_t{left} * pixel, 0.0F);
  const std::int64_t count = std::int64_t{inside} * pixel;
  const float* source = x + std::int64_t{from} * pixel;
  float* target = to + std::int64_t{left} * pixel;
  if (mask == nullptr)
    std::memcpy(target, source, static_cast<std::size_t>(count) * sizeof(float));
  else
    for (std::int64_t i = 0; i < count; i += kBlock) {
      Vec v = as_vec(source + i);
      keep_where_positive(v, as_vec(mask + std::int64_t{from} * pixel + i));
      as_vec(target + i) = v;
    }
  std::fill_n(target + count, std::int64_t{d.packed_w - left - inside} * pixel, 0.0F);
}

/// The input of `rows` output rows from `first` on, as [planes][packed rows][packed_w][pixel].
void pack_input(const TapConvolution& c, const Division& d, int image, int first, int rows, float* packed) {
  const int packed_rows = d.packed_rows(c, rows);
  const std::int64_t packed_row = std::int64_t{d.packed_w} * c.x.pixel;
  for (int plane = 0; plane < c.x.planes; ++plane) {
    const std::int64_t at = image * c.x.image + plane * c.x.plane;
    for (int i = 0; i < packed_rows; ++i, packed += packed_row) {
      const int row = first * c.stride_h + d.reach.row_begin + i;
      if (row < 0 || row >= c.x.h)
        std::fill_n(packed, packed_row, 0.0F);
      else
        pack_row(c, d, c.x.data + at + row * c.x.row, c.mask == nullptr ? nullptr : c.mask + at + row * c.x.row, packed);
    }
  }
}

/// Where tiles find their input: packed, or as it lies.
struct Input {
  const float* data = nullptr;  ///< of tap (0, 0)'s place for output row 0 of the block
  std::int64_t row = 0, plane = 0;
};

/// Everything that does not depend on the block.
struct Work {
  TileJob job;
  std::array<std::int64_t, kMaxTaps> taps;
  const float* weights = nullptr;
  const float* bias = nullptr;
  double* sums = nullptr;  ///< of the first thread
};

/// The job of one output row: without the taps that lie above or below the image, since they would add zeros. Rows of taps go
/// up or down one by one, so those inside are neighbours.
TileJob job_of_row(const TapConvolution& c, const TileJob& job, int row) {
  const auto outside = [&](int tap) {
    const int at = row * c.stride_h + c.taps.tap[static_cast<std::size_t>(tap)].row;
    return at < 0 || at >= c.x.h;
  };
  TileJob result = job;
  while (result.tap_count > 0 && outside(result.skip_before)) {
    ++result.skip_before;
    --result.tap_count;
  }
  while (result.tap_count > 0 && outside(result.skip_before + result.tap_count - 1)) {
    ++result.skip_after;
    --result.tap_count;
  }
  result.taps += result.skip_before;
  return result;
}

/// Zeros behind and below the pixels of a row; y: of its first pixel.
void clear_gaps(const TapConvolution& c, float* y, int row) {
  for (int q = 0; q < c.gaps.w; ++q)
    if (q % c.gaps.columns != 0) as_vec(y + std::int64_t{q} * kBlock) = Vec{};
  for (int r = 1; r < c.gaps.rows && row * c.gaps.rows + r < c.gaps.h; ++r)
    std::fill_n(y + r * (c.y.row / c.gaps.rows), std::int64_t{c.gaps.w} * kBlock, 0.0F);
}

/// Output rows [first, first + rows) of an image, two pixels a vector.
void run_pairs(const TapConvolution& c, const Work& work, const TileJob& job, const Input& input, int image, int first, int rows,
               double* sums) {
  const int pairs = (c.y.w + 1) / 2;
  const int tiles = (pairs + max_pixels(1) - 1) / max_pixels(1);
  alignas(64) float results[max_pixels(1) * kBlock];
  DoubleSums total, squares_total;
  for (int i = 0; i < rows; ++i) {
    const TileJob own = job_of_row(c, job, first + i);
    const float* x = input.data + std::int64_t{i} * c.stride_h * input.row;
    float* y = c.y.data + image * c.y.image + (first + i) * c.y.row;
    for (int t = 0; t < tiles; ++t) {
      Vec sum{}, squares{};
      const auto put = [&](int q, const Vec& v) {
        if (q >= c.y.w) return;
        as_vec(y + std::int64_t{q} * kBlock) = v;
        sum += v;
        squares += v * v;
      };
      const Slice slice = shard(pairs, tiles, t);
      tile_function(job.x_step, static_cast<int>(slice.count), 1)(own, x + slice.offset * job.x_step, work.weights, work.bias,
                                                                  results, nullptr, 0);
      for (int p = 0; p < static_cast<int>(slice.count); ++p) {
        const Vec v = as_vec(results + p * kBlock);
        const int q = 2 * (static_cast<int>(slice.offset) + p);
        put(q, __builtin_shufflevector(v, Vec{}, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
        put(q + 1, __builtin_shufflevector(v, Vec{}, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23));
      }
      total.add(sum);
      squares_total.add(squares);
    }
  }
  if (sums != nullptr) add_to(sums, blocks_of(c.sums_channels), c.weights.first_out / kBlock, total, squares_total);
}

/// Output rows [first, first + rows) of an image by the filters of one group.
void run_rows(const TapConvolution& c, const Division& d, const Work& work, const TileJob& job, const Input& input, int image,
              int first, int rows, int group, double* sums) {
  const int out_blocks = blocks_of(c.weights.outs);
  const int blocks = std::min(d.filter_blocks, out_blocks - group * d.filter_blocks);
  const int first_block = group * d.filter_blocks;
  const float* weights = work.weights + std::int64_t{first_block} * c.weights.ins * c.taps.count * kBlock;
  const int tiles = (c.y.w + max_pixels(blocks) - 1) / max_pixels(blocks);
  const std::int64_t square_sums = std::int64_t{blocks_of(c.sums_channels)} * kBlock;
  double* group_sums = sums == nullptr ? nullptr : sums + first_block * kBlock + c.weights.first_out;
  for (int i = 0; i < rows; ++i) {
    const TileJob own = job_of_row(c, job, first + i);
    const float* x = input.data + std::int64_t{i} * c.stride_h * input.row;
    float* y = c.y.data + image * c.y.image + first_block * c.y.plane + (first + i) * c.y.row;
    for (int t = 0; t < tiles; ++t) {
      const Slice pixels = shard(c.y.w, tiles, t);
      tile_function(job.x_step, static_cast<int>(pixels.count), blocks)(own, x + pixels.offset * job.x_step, weights,
                                                                        work.bias + first_block * kBlock,
                                                                        y + pixels.offset * c.y.pixel, group_sums, square_sums);
    }
    if (c.gaps.rows * c.gaps.columns > 1)
      for (int k = 0; k < blocks; ++k) clear_gaps(c, y + k * c.y.plane, first + i);
  }
}

/// One block by some groups of filters, in the memory of the calling thread.
void run_block(const TapConvolution& c, const Division& d, const Work& work, std::int64_t block, Slice groups, double* sums) {
  const int first_image = static_cast<int>(block / d.row_blocks) * d.images;
  const int images = std::min(d.images, c.images - first_image);
  const int first = static_cast<int>(block % d.row_blocks) * d.rows;
  const int rows = std::min(d.rows, c.y.h - first);
  if (rows <= 0) return;
  const std::int64_t packed_row = std::int64_t{d.packed_w} * c.x.pixel;
  const std::int64_t packed_image = packed_row * d.packed_rows(c, rows) * c.x.planes;
  float* packed = nullptr;
  TileJob job = work.job;
  job.taps = work.taps.data();
  if (d.packs) {
    packed = scratch(Slot::packed_input, packed_image * images);
    for (int i = 0; i < images; ++i) pack_input(c, d, first_image + i, first, rows, packed + i * packed_image);
    job.x_plane = packed_row * d.packed_rows(c, rows);
  }
  for (std::int64_t group = groups.offset; group < groups.end(); ++group) {
    for (int i = 0; i < images; ++i) {
      const int image = first_image + i;
      const Input input = d.packs ? Input{packed + i * packed_image, packed_row, job.x_plane}
                                  : Input{c.x.data + image * c.x.image + first * c.stride_h * c.x.row, c.x.row, c.x.plane};
      if (d.pairs)
        run_pairs(c, work, job, input, image, first, rows, sums);
      else
        run_rows(c, d, work, job, input, image, first, rows, static_cast<int>(group), sums);
    }
  }
}

/// Neighbouring rows of a 1 x 1 convolution as one long row, where rows are no multiple of the largest tile.
void join_rows(TapConvolution& c) {
  const bool pointwise = c.taps.count == 1 && c.taps.tap[0].row == 0 && c.taps.tap[0].column == 0 && c.stride_h == 1 &&
                         c.stride_w == 1 && c.x.h == c.y.h && c.x.w == c.y.w;
  const bool dense = c.x.pixel == kBlock && c.y.pixel == kBlock && c.x.row == std::int64_t{c.x.w} * kBlock &&
                     c.y.row == std::int64_t{c.y.w} * kBlock;
  if (!pointwise || !dense || c.y.w % 14 == 0) return;
  int joined = 1;
  for (int k = 1; k <= c.y.h && c.y.w * joined < 96; ++k)
    if (c.y.h % k == 0) joined = k;
  c.x.h = c.y.h /= joined;
  c.x.w = c.y.w *= joined;
  c.x.row *= joined;
  c.y.row *= joined;
}

}  // namespace

void run(const TapConvolution& original) {
  TapConvolution c = original;
  join_rows(c);
  Pairs pairs;
  const bool in_pairs = make_pairs(c, pairs);
  if (in_pairs) c.taps = pairs.taps;
  const Division d = divide(c, in_pairs);
  const int out_blocks = blocks_of(c.weights.outs);
  Work work;
  const std::int64_t weight_count = std::int64_t{out_blocks} * c.weights.ins * c.taps.count * kBlock;
  float* weights = scratch(Slot::packed_weights, weight_count + std::int64_t{out_blocks} * kBlock);
  float* bias = weights + weight_count;
  std::fill_n(bias, out_blocks * kBlock, 0.0F);
  if (c.bias != nullptr) std::copy_n(c.bias, c.weights.outs, bias);
  if (c.bias != nullptr && in_pairs) std::copy_n(c.bias, c.weights.outs, bias + kHalf);
  if (in_pairs)
    pack_pairs(c, original.taps, pairs, weights);
  else
    pack_weights(c, d, weights);
  work.weights = weights;
  work.bias = bias;
  const std::int64_t row = d.packs ? std::int64_t{d.packed_w} * c.x.pixel : c.x.row;
  for (int t = 0; t < c.taps.count; ++t) {
    const Tap& tap = c.taps.tap[static_cast<std::size_t>(t)];
    const int down = tap.row - (d.packs ? d.reach.row_begin : 0);
    const int right = tap.column - (d.packs ? d.reach.column_begin : 0);
    work.taps[static_cast<std::size_t>(t)] = down * row + std::int64_t{right} * c.x.pixel;
  }
  work.job = {.tap_count = c.taps.count,
              .planes = c.x.planes,
              .lanes = c.in_lanes,
              .last_lanes = c.last_in_lanes,
              .x_plane = c.x.plane,
              .x_step = std::int64_t{d.step > 1 ? 1 : c.stride_w} * (in_pairs ? 2 : 1) * c.x.pixel,
              .y_plane = c.y.plane,
              .y_step = c.y.pixel,
              .relu = c.relu};
  const std::int64_t blocks = std::int64_t{(c.images + d.images - 1) / d.images} * d.row_blocks;
  const std::int64_t group_parts =
      std::clamp<std::int64_t>((max_threads() + blocks - 1) / std::max<std::int64_t>(blocks, 1), 1, d.filter_groups);
  const std::int64_t tasks = blocks * group_parts;
  const std::int64_t workers = std::clamp<std::int64_t>(tasks, 1, max_threads());
  double* sums = c.sums.empty() ? nullptr : zeroed_sums(workers, blocks_of(c.sums_channels));
  parallel_for(workers, [&](std::int64_t worker) {
    double* own = sums == nullptr ? nullptr : sums + worker * 2 * blocks_of(c.sums_channels) * kBlock;
    const Slice slice = shard(tasks, workers, worker);
    for (std::int64_t task = slice.offset; task < slice.end(); ++task)
      run_block(c, d, work, task / group_parts, shard(d.filter_groups, group_parts, task % group_parts), own);
  });
  if (sums != nullptr) add_parts(sums, workers, c.sums_channels, {c.weights.first_out, c.weights.outs}, c.sums);
}

}  // namespace convoy::cpu::blocked
