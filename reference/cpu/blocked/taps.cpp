#include "reference/cpu/blocked/taps.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/partial_sums.h"
#include "reference/cpu/blocked/taps_layout.h"
#include "reference/cpu/blocked/tiles.h"
#include "reference/cpu/blocked/vector.h"
#include "reference/cpu/scratch.h"

namespace convoy::cpu::blocked {
namespace {

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
