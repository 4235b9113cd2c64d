#include "reference/cpu/blocked/weights.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <span>
#include <utility>

#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/vector.h"
#include "reference/cpu/blocked/weights_tile.h"
#include "reference/cpu/scratch.h"

// Note [tiles of weights]: sixteen channels by sixteen filters of one element of the window stay in registers while all pixels of
// a block of rows are added to them: one load of dy and sixteen multiplications with values of x, broadcast from memory. The
// block of rows is so small that its dy and x stay in the first cache for all elements of the window. Padding is no work: the
// loops over pixels leave out what an element of the window would read outside x.
//
// Note [pairs in a gradient]: with eight filters or fewer on plain images a vector of dy holds two neighbouring pixels, as in
// taps.cpp. Multiplied with x[s] it is a term of element s of the window from the first pixel and of element s - 1 from the
// second.
//
// Note [units of weights]: some blocks of filters by some of channels make a unit, whose sums stay in the second cache while all
// images pass by. Rows pass in groups, of several images where those are small: a block of channels of a group is in the first
// cache while all filters of the unit and all elements of the window meet it.
//
// Note [dividing a weight gradient]: threads take different units and, where they are too few, different rows, each with sums of
// its own, which are added in order.

namespace convoy::cpu::blocked {
namespace {

constexpr std::int64_t kBlockPixels = 224;  // of dy: 14 KiB of a first cache of 32 KiB

/// total[lane][16] += sum over pixels of dy x[lane].
template <std::size_t L>
void add_products(const Pixels& pixels, float* total) {
  Vec sum[L];
#pragma GCC unroll 16
  for (std::size_t lane = 0; lane < L; ++lane) sum[lane] = as_vec(total + lane * 16);
  for (int row = 0; row < pixels.rows; ++row) {
    const float* dy = pixels.dy + row * pixels.dy_row;
    const float* x = pixels.x + row * pixels.x_row;
    for (int q = 0; q < pixels.columns; ++q, dy += kBlock, x += pixels.x_step) {
      const Vec gradient = as_vec(dy);
#pragma GCC unroll 16
      for (std::size_t lane = 0; lane < L; ++lane) sum[lane] += gradient * x[lane];
    }
  }
#pragma GCC unroll 16
  for (std::size_t lane = 0; lane < L; ++lane) as_vec(total + lane * 16) = sum[lane];
}

template <std::size_t... L>
constexpr std::array<AddProducts, sizeof...(L)> products_of(std::index_sequence<L...>) {
  return {add_products<L + 1>...};
}
constexpr auto kAddProducts = products_of(std::make_index_sequence<kBlock>());

/// total[m][s][16] += sum over pixels of dy x[starts[m] + s]: S neighbouring columns of M rows of a plain, padded image.
template <std::size_t S, std::size_t M>
void add_window(const Pixels& pixels, const std::int64_t* starts, float* total) {
  Vec sum[M][S];
  const float* start[M];
#pragma GCC unroll 28
  for (std::size_t m = 0; m < M; ++m) {
    start[m] = pixels.x + starts[m];
#pragma GCC unroll 28
    for (std::size_t s = 0; s < S; ++s) sum[m][s] = as_vec(total + (m * S + s) * 16);
  }
  for (int row = 0; row < pixels.rows; ++row) {
    const float* dy = pixels.dy + row * pixels.dy_row;
    std::int64_t at = row * pixels.x_row;
    for (int q = 0; q < pixels.columns; ++q, dy += kBlock, at += pixels.x_step) {
      const Vec gradient = as_vec(dy);
#pragma GCC unroll 28
      for (std::size_t m = 0; m < M; ++m) {
#pragma GCC unroll 28
        for (std::size_t s = 0; s < S; ++s) sum[m][s] += gradient * (start[m] + at)[s];
      }
    }
  }
#pragma GCC unroll 28
  for (std::size_t m = 0; m < M; ++m) {
#pragma GCC unroll 28
    for (std::size_t s = 0; s < S; ++s) as_vec(total + (m * S + s) * 16) = sum[m][s];
  }
}

using AddWindow = void (*)(const Pixels&, const std::int64_t*, float*);
constexpr std::size_t kSums = 30;  // of 32 registers
template <std::size_t S>
constexpr std::size_t kRowsOf = std::min<std::size_t>(kSums / S, 9);
template <std::size_t S, std::size_t... M>
AddWindow window_of(std::size_t rows, std::index_sequence<M...>) {
  static constexpr std::array<AddWindow, sizeof...(M)> table = {add_window<S, M + 1>...};
  return table[rows - 1];
}
template <std::size_t S>
AddWindow window_of(std::size_t rows) {
  return window_of<S>(rows, std::make_index_sequence<kRowsOf<S>>());
}
AddWindow window_function(int columns, std::size_t rows) {
  switch (columns) {
    case 1: return window_of<1>(rows);
    case 3: return window_of<3>(rows);
    case 4: return window_of<4>(rows);
    case 5: return window_of<5>(rows);
    case 6: return window_of<6>(rows);
    case 7: return window_of<7>(rows);
    default: return window_of<11>(rows);
  }
}
std::size_t rows_of_window(int columns) {
  switch (columns) {
    case 1: return kRowsOf<1>;
    case 3: return kRowsOf<3>;
    case 4: return kRowsOf<4>;
    case 5: return kRowsOf<5>;
    case 6: return kRowsOf<6>;
    case 7: return kRowsOf<7>;
    default: return kRowsOf<11>;
  }
}

/// The outputs [begin, end) whose element at `offset` from output * stride lies in [0, extent).
struct Range {
  int begin = 0, end = 0;
};
Range inside(Range outputs, int offset, int stride, int extent) {
  const int first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const int last = extent - 1 - offset < 0 ? -1 : (extent - 1 - offset) / stride;
  return {std::max(outputs.begin, first), std::min(outputs.end, last + 1)};
}

constexpr int kHalf = kBlock / 2;

/// Whether vectors of dy hold two pixels; see Note [pairs in a gradient].
bool in_pairs(const WeightGradient& job) {
  return job.x.pixel == 1 && job.dw.shape.n <= kHalf && job.window.stride_w == 1 &&
         (job.window.kernel_w == 3 || job.window.kernel_w == 5);
}

/// Columns of the window for which there are sums.
int columns_of(const WeightGradient& job) { return job.window.kernel_w + (in_pairs(job) ? 1 : 0); }

/// How many floats of sums a block of filters has: [blocks of channels][taps][16][16], or of plain x [channels][taps][16].
std::int64_t sums_of(const WeightGradient& job, int channels) {
  const std::int64_t window = std::int64_t{job.window.kernel_h} * columns_of(job);
  return (job.x.pixel == 1 ? channels : blocks_of(channels) * kBlock) * window * kBlock;
}

/// Neighbouring rows of an image.
struct Segment {
  int n = 0, first = 0, rows = 0;
  std::int64_t start = 0;  ///< pixels of the segments before it
};

/// Rows that pass together; see Note [units of weights].
struct Group {
  static constexpr int kMost = 16;
  std::array<Segment, kMost> segment;
  int count = 0;
  std::int64_t pixels = 0;
  [[nodiscard]] std::span<const Segment> segments() const { return {segment.data(), static_cast<std::size_t>(count)}; }
};

/// The next rows from `at` on, before `end`, both counted through all images. `at` moves on.
Group next_group(const Shape& dy, std::int64_t& at, std::int64_t end) {
  const int block_rows = static_cast<int>(std::clamp<std::int64_t>(kBlockPixels / dy.w, 1, dy.h));
  Group group;
  while (at < end && group.count < Group::kMost) {
    const int first = static_cast<int>(at % dy.h);
    const int rows = static_cast<int>(std::min<std::int64_t>({block_rows, dy.h - first, end - at}));
    if (group.count > 0 && group.pixels + std::int64_t{rows} * dy.w > kBlockPixels) break;
    group.segment[static_cast<std::size_t>(group.count++)] = {static_cast<int>(at / dy.h), first, rows, group.pixels};
    group.pixels += std::int64_t{rows} * dy.w;
    at += rows;
  }
  return group;
}

/// Where the gradient of a segment and a block of filters lies: as it is, or at `copy`.
Pixels gradient_of(const WeightGradient& job, const Segment& segment, int block, const float* copy) {
  const float* dy = copy != nullptr ? copy : job.dy.at(segment.n, block, segment.first, 0);
  if (!in_pairs(job)) return {.dy = dy, .rows = segment.rows, .columns = job.dy.shape.w, .dy_row = job.dy.row()};
  const int pairs = (job.dy.shape.w + 1) / 2;
  return {.dy = dy, .rows = segment.rows, .columns = pairs, .dy_row = std::int64_t{pairs} * kBlock};
}

/// Copies the gradient of a segment and a block of filters, masked when there is a mask, where a copy is wanted, and adds its sum
/// to db, where that is.
void prepare_gradient(const WeightGradient& job, const Segment& segment, int block, float* copy, float* db) {
  const float* dy = job.dy.at(segment.n, block, segment.first, 0);
  const std::int64_t floats = segment.rows * job.dy.row();
  if (copy != nullptr) {
    const float* mask = job.mask == nullptr ? nullptr : job.mask + (dy - job.dy.data);
    for (std::int64_t i = 0; i < floats; i += kBlock) {
      Vec v = as_vec(dy + i);
      if (mask != nullptr) keep_where_positive(v, as_vec(mask + i));
      as_vec(copy + i) = v;
    }
    dy = copy;
  }
  if (db == nullptr) return;
  Vec sum{};
  for (std::int64_t i = 0; i < floats; i += kBlock) sum += as_vec(dy + i);
  as_vec(db) += sum;
}

/// The same of the only block of filters, two pixels a vector.
void prepare_pairs(const WeightGradient& job, const Segment& segment, float* to, float* db) {
  const int columns = job.dy.shape.w;
  const auto pixel = [&](std::int64_t at) {
    Vec v = as_vec(job.dy.data + at);
    if (job.mask != nullptr) keep_where_positive(v, as_vec(job.mask + at));
    return v;
  };
  Vec sum{};
  for (int i = 0; i < segment.rows; ++i) {
    const std::int64_t row = job.dy.at(segment.n, 0, segment.first + i, 0) - job.dy.data;
    for (int q = 0; q < columns; q += 2, to += kBlock) {
      const Vec left = pixel(row + std::int64_t{q} * kBlock);
      const Vec right = q + 1 < columns ? pixel(row + std::int64_t{q + 1} * kBlock) : Vec{};
      const Vec both = __builtin_shufflevector(left, right, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
      as_vec(to) = both;
      sum += both;
    }
  }
  if (db != nullptr) as_vec(db) += sum;
}

/// Adds a segment to the sums of a block of filters and a block of channels, element (r, s) of the window. x: blocked.
void add_blocked(const WeightGradient& job, Pixels pixels, const Segment& segment, int channel_block, int r, int s,
                 AddProducts add, float* sums) {
  const Window& window = job.window;
  const int down = r * window.dilation_h - window.padding_h;
  const int right = s * window.dilation_w - window.padding_w;
  const Range p = inside({segment.first, segment.first + pixels.rows}, down, window.stride_h, job.x.h);
  const Range q = inside({0, pixels.columns}, right, window.stride_w, job.x.w);
  if (p.end <= p.begin || q.end <= q.begin) return;
  const float* plane = job.x.data + segment.n * job.x.image + channel_block * job.x.plane;
  pixels.x_step = std::int64_t{window.stride_w} * kBlock;
  pixels.x_row = window.stride_h * job.x.row;
  pixels.rows = p.end - p.begin;
  pixels.columns = q.end - q.begin;
  pixels.dy += (p.begin - segment.first) * pixels.dy_row + std::int64_t{q.begin} * kBlock;
  pixels.x = plane + (p.begin * window.stride_h + down) * job.x.row + std::int64_t{q.begin * window.stride_w + right} * kBlock;
  if (pixels.dy_row == std::int64_t{pixels.columns} * kBlock && pixels.x_row == pixels.columns * pixels.x_step) {
    pixels.columns *= pixels.rows;  // neighbouring rows are one long row
    pixels.rows = 1;
  }
  add(pixels, sums);
}

/// Whether every output pixel meets one input pixel, inside the image: then a group is one long row.
bool is_pointwise(const WeightGradient& job) {
  const Window& w = job.window;
  return job.x.pixel == kBlock && w.kernel_h == 1 && w.kernel_w == 1 && w.padding_h == 0 && w.padding_w == 0 &&
         (job.dy.shape.h - 1) * w.stride_h < job.x.h && (job.dy.shape.w - 1) * w.stride_w < job.x.w;
}

/// The pixels of a block of channels that a group meets, one after another: where they lie, or a copy.
const float* pixels_met(const WeightGradient& job, const Group& group, int channel_block) {
  const Window& window = job.window;
  const auto row_of = [&](const Segment& segment, int i) {
    return job.x.data + segment.n * job.x.image + channel_block * job.x.plane + (segment.first + i) * window.stride_h * job.x.row;
  };
  if (group.count == 1 && window.stride_h == 1 && window.stride_w == 1 && job.dy.shape.w == job.x.w)
    return row_of(group.segment[0], 0);
  float* packed = scratch(Slot::packed_input, group.pixels * kBlock);
  float* to = packed;
  for (const Segment& segment : group.segments()) {
    for (int i = 0; i < segment.rows; ++i) {
      const float* from = row_of(segment, i);
      for (int q = 0; q < job.dy.shape.w; ++q, to += kBlock, from += std::int64_t{window.stride_w} * kBlock)
        as_vec(to) = as_vec(from);
    }
  }
  return packed;
}

/// A segment of plain images with zeros around: channels of rows of `w` floats.
struct PackedImage {
  float* data = nullptr;
  int h = 0, w = 0;
};

PackedImage pack_plain(const WeightGradient& job, const Segment& segment) {
  const Window& window = job.window;
  const int last_start = in_pairs(job) ? (job.dy.shape.w - 1) / 2 * 2 : job.dy.shape.w - 1;
  const int packed_w = last_start * window.stride_w + columns_of(job);
  const int packed_h = (segment.rows - 1) * window.stride_h + window.kernel_h;
  float* packed = scratch(Slot::packed_input, std::int64_t{job.channels} * packed_h * packed_w);
  const int left = std::min(window.padding_w, packed_w);
  const int inside_count = std::clamp(job.x.w, 0, packed_w - left);
  float* to = packed;
  for (int c = 0; c < job.channels; ++c) {
    for (int i = 0; i < packed_h; ++i, to += packed_w) {
      const int row = segment.first * window.stride_h - window.padding_h + i;
      std::fill_n(to, packed_w, 0.0F);
      if (row >= 0 && row < job.x.h)
        std::copy_n(job.x.data + segment.n * job.x.image + c * job.x.plane + row * job.x.row, inside_count, to + left);
    }
  }
  return {packed, packed_h, packed_w};
}

/// Adds a segment to the sums of a block of filters. x: plain.
void add_plain(const WeightGradient& job, Pixels pixels, const PackedImage& packed, float* sums) {
  const Window& window = job.window;
  const int columns = columns_of(job);
  pixels.x = packed.data;
  pixels.x_step = window.stride_w * (in_pairs(job) ? 2 : 1);
  pixels.x_row = std::int64_t{window.stride_h} * packed.w;
  const std::int64_t lines = std::int64_t{job.channels} * window.kernel_h;  // rows of windows: channel by channel
  const auto most = static_cast<std::int64_t>(rows_of_window(columns));
  const std::int64_t passes = (lines + most - 1) / most;
  for (std::int64_t pass = 0; pass < passes; ++pass) {
    const Slice slice = shard(lines, passes, pass);
    std::array<std::int64_t, kSums> starts;
    for (std::int64_t m = 0; m < slice.count; ++m)
      starts[static_cast<std::size_t>(m)] =
          ((slice.offset + m) / window.kernel_h * packed.h + (slice.offset + m) % window.kernel_h) * packed.w;
    window_function(columns, static_cast<std::size_t>(slice.count))(pixels, starts.data(), sums);
    sums += slice.count * columns * kBlock;
  }
}

/// Channels and filters that are treated together: whole blocks of both.
struct Bundle {
  int first_channel = 0, channels = 0;
  int first_filter = 0, filters = 0;
  bool sums_bias = false;  ///< adds up db: one of the units with the same filters
};

/// The sums of a unit over rows of all images. sums: for every block of filters sums_of(...), then 16 of db.
void run_unit(const WeightGradient& job, const Bundle& unit, Slice rows, float* sums) {
  const std::int64_t count = sums_of(job, unit.channels);
  const int blocks = blocks_of(unit.filters);
  const bool plain = job.x.pixel == 1;
  std::fill_n(sums, blocks * (count + kBlock), 0.0F);
  for (std::int64_t at = rows.offset; at < rows.end();) {
    const Group group = next_group(job.dy.shape, at, rows.end());
    const bool copies = job.mask != nullptr || in_pairs(job) || group.count > 1;  // segments one after another
    float* copy = copies ? scratch(Slot::masked_gradient, blocks * group.pixels * kBlock) : nullptr;
    const auto copy_of = [&](int i, const Segment& segment) {
      return copies ? copy + (i * group.pixels + segment.start) * kBlock : nullptr;
    };
    const auto own = [&](int i) { return sums + i * (count + kBlock); };
    const int first_block = unit.first_filter / kBlock;
    for (int i = 0; i < blocks; ++i) {
      for (const Segment& segment : group.segments()) {
        float* db = unit.sums_bias ? own(i) + count : nullptr;
        if (in_pairs(job))
          prepare_pairs(job, segment, copy_of(i, segment), db);
        else if (copies || unit.sums_bias)
          prepare_gradient(job, segment, first_block + i, copy_of(i, segment), db);
      }
    }
    if (plain) {
      for (const Segment& segment : group.segments()) {
        const PackedImage packed = pack_plain(job, segment);
        for (int i = 0; i < blocks; ++i)
          add_plain(job, gradient_of(job, segment, first_block + i, copy_of(i, segment)), packed, own(i));
      }
      continue;
    }
    const std::int64_t window = std::int64_t{job.window.kernel_h} * job.window.kernel_w;
    for (int block = 0; block < blocks_of(unit.channels); ++block) {
      const AddProducts add = add_products_function(lanes_of(unit.channels, block));
      if (is_pointwise(job)) {
        Pixels pixels{.rows = 1, .columns = static_cast<int>(group.pixels), .x_step = kBlock};
        pixels.x = pixels_met(job, group, unit.first_channel / kBlock + block);
        for (int i = 0; i < blocks; ++i) {
          pixels.dy = gradient_of(job, group.segment[0], first_block + i, copy_of(i, group.segment[0])).dy;
          add(pixels, own(i) + block * kBlock * kBlock);
        }
        continue;
      }
      for (int i = 0; i < blocks; ++i) {
        float* tile = own(i) + block * window * kBlock * kBlock;
        for (int r = 0; r < job.window.kernel_h; ++r)
          for (int s = 0; s < job.window.kernel_w; ++s, tile += kBlock * kBlock)
            for (const Segment& segment : group.segments())
              add_blocked(job, gradient_of(job, segment, first_block + i, copy_of(i, segment)), segment,
                          unit.first_channel / kBlock + block, r, s, add, tile);
      }
    }
  }
}

/// Adds the sums of a block of filters to dw and db.
void add_to_weights(const WeightGradient& job, const Bundle& bundle, int block, const float* sums) {
  const bool pairs = in_pairs(job);
  const int columns = columns_of(job);
  const int window = job.window.kernel_h * columns;
  const int channels_a_group = job.dw.shape.c;
  const int filters_a_group = job.dw.shape.n / job.groups;
  const int filters = std::min(kBlock, bundle.filters - block * kBlock);
  const std::int64_t filter_size = job.dw.shape.sample_count();
  float* dw = job.dw.data + std::int64_t{bundle.first_filter + block * kBlock} * filter_size;
  if (bundle.sums_bias) {
    for (int f = 0; f < filters; ++f) {
      const float* sum = sums + sums_of(job, bundle.channels) + f;
      job.db.data[bundle.first_filter + block * kBlock + f] += pairs ? sum[0] + sum[kHalf] : sum[0];
    }
  }
  const bool plain = job.x.pixel == 1;
  const std::int64_t tap_step = plain ? kBlock : kBlock * kBlock;
  for (int first = 0; first < bundle.channels; first += kBlock) {
    const float* block_sums = sums + std::int64_t{first} * window * kBlock;
    for (int f = 0; f < filters; ++f) {
      const int group = (bundle.first_filter + block * kBlock + f) / filters_a_group;
      const int first_of_group = group * channels_a_group - bundle.first_channel;  // in the bundle
      const int begin = std::max(first, first_of_group);
      const int end = std::min({first + kBlock, first_of_group + channels_a_group, bundle.channels});
      float* to = dw + f * filter_size + std::int64_t{begin - first_of_group} * job.window.kernel_h * job.window.kernel_w;
      if (window == 1 && !plain) {
        const float* from = block_sums + std::int64_t{begin - first} * kBlock + f;
        for (int c = 0; c < end - begin; ++c) to[c] += from[c * kBlock];
        continue;
      }
      for (int c = begin; c < end; ++c) {
        const float* from = block_sums + std::int64_t{c - first} * (plain ? window : 1) * kBlock + f;
        if (!pairs) {
          for (int tap = 0; tap < window; ++tap) *to++ += from[tap * tap_step];
          continue;
        }
        for (int r = 0; r < job.window.kernel_h; ++r, from += columns * tap_step)
          for (int s = 0; s < job.window.kernel_w; ++s) *to++ += from[s * tap_step] + from[(s + 1) * tap_step + kHalf];
      }
    }
  }
}

/// Floats of the sums of a unit: a quarter of a second cache.
constexpr std::int64_t kSumFloats = 64 * 1024;

/// Blocks of a unit, at most.
struct UnitSize {
  std::int64_t filters = 1, channels = 1;
};

UnitSize unit_size(const WeightGradient& job, const Bundle& bundle) {
  const std::int64_t filters = blocks_of(bundle.filters);
  const std::int64_t channels = blocks_of(bundle.channels);
  const std::int64_t for_threads = std::max<std::int64_t>(filters / max_threads(), 1);
  if (job.x.pixel == 1)
    return {std::clamp<std::int64_t>(2 * kSumFloats / (sums_of(job, bundle.channels) + kBlock), 1, for_threads), channels};
  const std::int64_t tiles = std::max<std::int64_t>(kSumFloats / sums_of(job, kBlock), 1);
  UnitSize size;
  while (size.filters < 8 && (size.filters + 1) * (size.filters + 1) <= tiles) ++size.filters;  // their dy is in that cache too
  size.filters = std::min(size.filters, for_threads);
  size.channels = std::clamp<std::int64_t>(tiles / size.filters, 1, channels);
  size.filters = std::clamp<std::int64_t>(tiles / size.channels, 1, for_threads);
  return size;
}

/// Some blocks of [first, first + count) elements, which begin at the start of a block.
Slice blocks_in(int count, std::int64_t parts, std::int64_t part) {
  const Slice blocks = shard(blocks_of(count), parts, part);
  return {blocks.offset * kBlock, std::min<std::int64_t>(blocks.end() * kBlock, count) - blocks.offset * kBlock};
}

void run_bundle(const WeightGradient& job, const Bundle& bundle) {
  const UnitSize size = unit_size(job, bundle);
  const std::int64_t filter_parts = (blocks_of(bundle.filters) + size.filters - 1) / size.filters;
  const std::int64_t channel_parts = (blocks_of(bundle.channels) + size.channels - 1) / size.channels;
  const std::int64_t units = filter_parts * channel_parts;
  const auto unit_at = [&](std::int64_t i) {
    const Slice filters = blocks_in(bundle.filters, filter_parts, i / channel_parts);
    const Slice channels =
        job.x.pixel == 1 ? Slice{0, bundle.channels} : blocks_in(bundle.channels, channel_parts, i % channel_parts);
    return Bundle{.first_channel = bundle.first_channel + static_cast<int>(channels.offset),
                  .channels = static_cast<int>(channels.count),
                  .first_filter = bundle.first_filter + static_cast<int>(filters.offset),
                  .filters = static_cast<int>(filters.count),
                  .sums_bias = job.db.data != nullptr && i % channel_parts == 0};
  };
  const auto floats_of = [&](const Bundle& unit) { return blocks_of(unit.filters) * (sums_of(job, unit.channels) + kBlock); };
  const auto add = [&](const Bundle& unit, const float* sums) {
    for (int block = 0; block < blocks_of(unit.filters); ++block)
      add_to_weights(job, unit, block, sums + block * (sums_of(job, unit.channels) + kBlock));
  };
  const std::int64_t rows = std::int64_t{job.dy.shape.n} * job.dy.shape.h;
  const std::int64_t parts = units >= max_threads() ? 1 : std::clamp<std::int64_t>(max_threads() / units, 1, rows);
  if (parts == 1) {
    parallel_for(units, [&](std::int64_t i) {
      const Bundle unit = unit_at(i);
      float* sums = scratch(Slot::weight_gradients, floats_of(unit));
      run_unit(job, unit, {0, rows}, sums);
      add(unit, sums);
    });
    return;
  }
  std::int64_t most = 0;
  for (std::int64_t i = 0; i < units; ++i) most = std::max(most, floats_of(unit_at(i)));
  float* sums = scratch(Slot::weight_gradients, units * parts * most);
  parallel_for(units * parts,
               [&](std::int64_t i) { run_unit(job, unit_at(i / parts), shard(rows, parts, i % parts), sums + i * most); });
  parallel_for(units, [&](std::int64_t i) {
    const Bundle unit = unit_at(i);
    float* total = sums + i * parts * most;
    for (std::int64_t part = 1; part < parts; ++part)
      for (std::int64_t k = 0; k < floats_of(unit); ++k) total[k] += total[part * most + k];
    add(unit, total);
  });
}

}  // namespace

AddProducts add_products_function(int lanes) { return kAddProducts[static_cast<std::size_t>(lanes - 1)]; }

int groups_of_bundle(int channels_a_group, int filters_a_group, int groups) {
  const int channel_step = kBlock / std::gcd(kBlock, std::max(channels_a_group, 1));
  const int filter_step = kBlock / std::gcd(kBlock, std::max(filters_a_group, 1));
  return std::min(std::max(channel_step, filter_step), groups);  // both are powers of two
}

bool has_weight_gradient(const WeightGradient& job) {
  if (job.x.pixel != 1) return true;
  const int columns = job.window.kernel_w;
  return job.groups == 1 && job.window.dilation_h == 1 && job.window.dilation_w == 1 &&
         (columns == 1 || columns == 3 || columns == 5 || columns == 7 || columns == 11);
}

void run(const WeightGradient& job) {
  const int channels_a_group = job.dw.shape.c;
  const int filters_a_group = job.dw.shape.n / job.groups;
  const int step = groups_of_bundle(channels_a_group, filters_a_group, job.groups);
  for (int group = 0; group < job.groups; group += step) {
    const int count = std::min(step, job.groups - group);
    run_bundle(job, {.first_channel = group * channels_a_group,
                     .channels = count * channels_a_group,
                     .first_filter = group * filters_a_group,
                     .filters = count * filters_a_group});
  }
}

}  // namespace convoy::cpu::blocked
