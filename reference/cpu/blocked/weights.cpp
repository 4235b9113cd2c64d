#include "reference/cpu/blocked/weights.h"

#include <algorithm>
#include <array>
#include <numeric>
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
// Note [pairs in a gradient]: with eight filters or fewer on plain images a vector of dy holds two neighbouring pixels, as in taps.cpp.
// Multiplied with x[s] it is a term of element s of the window from the first pixel and of element s - 1 from the second.
//
// Note [dividing a weight gradient]: threads take different blocks of filters and, where they are too few, different rows, each
// with sums of its own, which are added in order.

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

/// What one task does: some blocks of filters, of some rows.
struct Task {
  Slice blocks;  ///< of filters
  Slice rows;    ///< of all images
};

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

/// Gradient rows [first, first + rows) of an image and a block, masked where there is a mask, and their sum into db.
Pixels gradient_rows(const WeightGradient& job, int n, int block, int first, int rows, float* db) {
  const std::int64_t row = job.dy.row();
  const std::int64_t at = job.dy.at(n, block, first, 0) - job.dy.data;
  Pixels pixels{.dy = job.dy.data + at, .rows = rows, .columns = job.dy.shape.w, .dy_row = row};
  if (job.mask != nullptr) {
    float* masked = scratch(Slot::masked_gradient, rows * row);
    for (std::int64_t i = 0; i < rows * row; i += kBlock) {
      Vec v = as_vec(pixels.dy + i);
      keep_where_positive(v, as_vec(job.mask + at + i));
      as_vec(masked + i) = v;
    }
    pixels.dy = masked;
  }
  if (db != nullptr) {
    Vec sum{};
    for (std::int64_t i = 0; i < rows * row; i += kBlock) sum += as_vec(pixels.dy + i);
    as_vec(db) += sum;
  }
  return pixels;
}

/// The same of the only block of filters, two pixels a vector.
Pixels gradient_pairs(const WeightGradient& job, int n, int first, int rows, float* db) {
  const int columns = job.dy.shape.w;
  const int pairs = (columns + 1) / 2;
  float* to = scratch(Slot::masked_gradient, std::int64_t{rows} * pairs * kBlock);
  const Pixels pixels{.dy = to, .rows = rows, .columns = pairs, .dy_row = std::int64_t{pairs} * kBlock};
  const auto pixel = [&](std::int64_t at) {
    Vec v = as_vec(job.dy.data + at);
    if (job.mask != nullptr) keep_where_positive(v, as_vec(job.mask + at));
    return v;
  };
  Vec sum{};
  for (int i = 0; i < rows; ++i) {
    const std::int64_t row = job.dy.at(n, 0, first + i, 0) - job.dy.data;
    for (int q = 0; q < columns; q += 2, to += kBlock) {
      const Vec left = pixel(row + std::int64_t{q} * kBlock);
      const Vec right = q + 1 < columns ? pixel(row + std::int64_t{q + 1} * kBlock) : Vec{};
      const Vec both = __builtin_shufflevector(left, right, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
      as_vec(to) = both;
      sum += both;
    }
  }
  if (db != nullptr) as_vec(db) += sum;
  return pixels;
}

/// Adds a block of rows to the sums of a block of filters. x: blocked.
void add_blocked(const WeightGradient& job, Pixels pixels, int n, int first, Slice channel_blocks, int channels, float* sums) {
  const Window& window = job.window;
  pixels.x_step = std::int64_t{window.stride_w} * kBlock;
  pixels.x_row = window.stride_h * job.x.row;
  const float* dy = pixels.dy;
  const Range rows{first, first + pixels.rows};
  const Range columns{0, pixels.columns};
  for (std::int64_t block = 0; block < channel_blocks.count; ++block) {
    const float* plane = job.x.data + n * job.x.image + (channel_blocks.offset + block) * job.x.plane;
    const int lanes = std::min(kBlock, channels - static_cast<int>(block) * kBlock);
    const AddProducts add = add_products_function(lanes);
    for (int r = 0; r < window.kernel_h; ++r) {
      const int down = r * window.dilation_h - window.padding_h;
      const Range p = inside(rows, down, window.stride_h, job.x.h);
      for (int s = 0; s < window.kernel_w; ++s, sums += kBlock * kBlock) {
        const int right = s * window.dilation_w - window.padding_w;
        const Range q = inside(columns, right, window.stride_w, job.x.w);
        if (p.end <= p.begin || q.end <= q.begin) continue;
        pixels.rows = p.end - p.begin;
        pixels.columns = q.end - q.begin;
        pixels.dy = dy + (p.begin - first) * pixels.dy_row + std::int64_t{q.begin} * kBlock;
        pixels.x =
            plane + (p.begin * window.stride_h + down) * job.x.row + std::int64_t{q.begin * window.stride_w + right} * kBlock;
        add(pixels, sums);
      }
    }
  }
}

/// The same of plain images, from a copy of the rows with zeros around.
void add_plain(const WeightGradient& job, Pixels pixels, int n, int first, float* sums) {
  const Window& window = job.window;
  const int columns = columns_of(job);
  const int step = window.stride_w * (in_pairs(job) ? 2 : 1);
  const int packed_w = (pixels.columns - 1) * step + columns;
  const int packed_h = (pixels.rows - 1) * window.stride_h + window.kernel_h;
  float* packed = scratch(Slot::packed_input, std::int64_t{job.channels} * packed_h * packed_w);
  const int left = std::min(window.padding_w, packed_w);
  const int inside_count = std::clamp(job.x.w, 0, packed_w - left);
  float* to = packed;
  for (int c = 0; c < job.channels; ++c) {
    for (int i = 0; i < packed_h; ++i, to += packed_w) {
      const int row = first * window.stride_h - window.padding_h + i;
      std::fill_n(to, packed_w, 0.0F);
      if (row >= 0 && row < job.x.h)
        std::copy_n(job.x.data + n * job.x.image + c * job.x.plane + row * job.x.row, inside_count, to + left);
    }
  }
  pixels.x = packed;
  pixels.x_step = step;
  pixels.x_row = std::int64_t{window.stride_h} * packed_w;
  const std::int64_t lines = std::int64_t{job.channels} * window.kernel_h;  // rows of windows: channel by channel
  const auto most = static_cast<std::int64_t>(rows_of_window(columns));
  const std::int64_t passes = (lines + most - 1) / most;
  for (std::int64_t pass = 0; pass < passes; ++pass) {
    const Slice slice = shard(lines, passes, pass);
    std::array<std::int64_t, kSums> starts;
    for (std::int64_t m = 0; m < slice.count; ++m)
      starts[static_cast<std::size_t>(m)] =
          ((slice.offset + m) / window.kernel_h * packed_h + (slice.offset + m) % window.kernel_h) * packed_w;
    window_function(columns, static_cast<std::size_t>(slice.count))(pixels, starts.data(), sums);
    sums += slice.count * columns * kBlock;
  }
}

/// The channels and filters that are treated together: whole blocks of both.
struct Bundle {
  int first_channel = 0, channels = 0;
  int first_filter = 0, filters = 0;
};

/// The sums of a task. sums: for every block of filters sums_of(...), then 16 of db. The blocks of filters take turns on every
/// block of rows, so that x comes from memory once for all of them.
void run_task(const WeightGradient& job, const Bundle& bundle, const Task& task, float* sums) {
  const std::int64_t count = sums_of(job, bundle.channels);
  std::fill_n(sums, task.blocks.count * (count + kBlock), 0.0F);
  const int height = job.dy.shape.h;
  const int block_rows = static_cast<int>(std::clamp<std::int64_t>(kBlockPixels / job.dy.shape.w, 1, height));
  for (std::int64_t at = task.rows.offset; at < task.rows.end();) {
    const int n = static_cast<int>(at / height);
    const int first = static_cast<int>(at % height);
    const int rows = static_cast<int>(std::min<std::int64_t>({block_rows, height - first, task.rows.end() - at}));
    for (std::int64_t i = 0; i < task.blocks.count; ++i) {
      float* own = sums + i * (count + kBlock);
      const int block = bundle.first_filter / kBlock + static_cast<int>(task.blocks.offset + i);
      float* db = job.db.data == nullptr ? nullptr : own + count;
      const Pixels pixels =
          in_pairs(job) ? gradient_pairs(job, n, first, rows, db) : gradient_rows(job, n, block, first, rows, db);
      if (job.x.pixel == 1)
        add_plain(job, pixels, n, first, own);
      else
        add_blocked(job, pixels, n, first, {bundle.first_channel / kBlock, blocks_of(bundle.channels)}, bundle.channels, own);
    }
    at += rows;
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
  if (job.db.data != nullptr) {
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
      for (int c = begin; c < end; ++c) {
        const float* from = block_sums + std::int64_t{c - first} * (plain ? window : 1) * kBlock + f;
        for (int r = 0; r < job.window.kernel_h; ++r, from += columns * tap_step)
          for (int s = 0; s < job.window.kernel_w; ++s)
            *to++ += pairs ? from[s * tap_step] + from[(s + 1) * tap_step + kHalf] : from[s * tap_step];
      }
    }
  }
}

/// Floats of the sums of the blocks of filters that take turns: half of a second cache.
constexpr std::int64_t kSumFloats = 128 * 1024;

void run_bundle(const WeightGradient& job, const Bundle& bundle) {
  const std::int64_t blocks = blocks_of(bundle.filters);
  const std::int64_t rows = std::int64_t{job.dy.shape.n} * job.dy.shape.h;
  const std::int64_t floats = sums_of(job, bundle.channels) + kBlock;
  const std::int64_t together =
      std::clamp<std::int64_t>(kSumFloats / floats, 1, std::max<std::int64_t>(blocks / max_threads(), 1));
  const std::int64_t units = (blocks + together - 1) / together;
  const std::int64_t parts = units >= max_threads() ? 1 : std::clamp<std::int64_t>(max_threads() / units, 1, rows);
  if (parts == 1) {
    parallel_for(units, [&](std::int64_t unit) {
      const Slice own = shard(blocks, units, unit);
      float* sums = scratch(Slot::weight_gradients, own.count * floats);
      run_task(job, bundle, {own, {0, rows}}, sums);
      for (std::int64_t i = 0; i < own.count; ++i)
        add_to_weights(job, bundle, static_cast<int>(own.offset + i), sums + i * floats);
    });
    return;
  }
  float* sums = scratch(Slot::weight_gradients, parts * blocks * floats);
  parallel_for(units * parts, [&](std::int64_t i) {
    const Slice own = shard(blocks, units, i / parts);
    run_task(job, bundle, {own, shard(rows, parts, i % parts)}, sums + (i % parts * blocks + own.offset) * floats);
  });
  parallel_for(blocks, [&](std::int64_t block) {
    float* total = sums + block * floats;
    for (std::int64_t part = 1; part < parts; ++part)
      for (std::int64_t i = 0; i < floats; ++i) total[i] += total[part * blocks * floats + i];
    add_to_weights(job, bundle, static_cast<int>(block), total);
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
