/// A unit of a weight gradient: some channels by some filters over some rows of all images. Internal to weights.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "reference/core/shard.h"
#include "reference/cpu/blocked/weights.h"
#include "reference/cpu/blocked/weights_tile.h"

namespace convoy::cpu::blocked {

/// Whether vectors of dy hold two pixels; see Note [pairs in a gradient].
inline bool in_pairs(const WeightGradient& job) {
  return job.x.pixel == 1 && job.dw.shape.n <= kHalf && job.window.stride_w == 1 &&
         (job.window.kernel_w == 3 || job.window.kernel_w == 5);
}

/// Columns of the window for which there are sums.
inline int columns_of(const WeightGradient& job) { return job.window.kernel_w + (in_pairs(job) ? 1 : 0); }
/// How many floats of sums a block of filters has: [blocks of channels][taps][16][16], or of plain x [channels][taps][16].
std::int64_t sums_of(const WeightGradient& job, int channels);

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
Group next_group(const Shape& dy, std::int64_t& at, std::int64_t end);

/// Where the gradient of a segment and a block of filters lies: as it is, or at `copy`.
inline Pixels gradient_of(const WeightGradient& job, const Segment& segment, int block, const float* copy) {
  const float* dy = copy != nullptr ? copy : job.dy.at(segment.n, block, segment.first, 0);
  if (!in_pairs(job)) return {.dy = dy, .rows = segment.rows, .columns = job.dy.shape.w, .dy_row = job.dy.row()};
  const int pairs = (job.dy.shape.w + 1) / 2;
  return {.dy = dy, .rows = segment.rows, .columns = pairs, .dy_row = std::int64_t{pairs} * kBlock};
}

/// Copies the gradient of a segment and a block of filters, masked when there is a mask, where a copy is wanted, and adds its sum
/// to db, where that is.
void prepare_gradient(const WeightGradient& job, const Segment& segment, int block, float* copy, float* db);
/// The same of the only block of filters, two pixels a vector.
void prepare_pairs(const WeightGradient& job, const Segment& segment, float* to, float* db);

/// Channels and filters that are treated together: whole blocks of both.
struct Bundle {
  int first_channel = 0, channels = 0;
  int first_filter = 0, filters = 0;
  bool sums_bias = false;  ///< adds up db: one of the units with the same filters
};

/// The sums of a unit over rows of all images. sums: for every block of filters sums_of(...), then 16 of db.
void run_unit(const WeightGradient& job, const Bundle& unit, Slice rows, float* sums);

}  // namespace convoy::cpu::blocked
