#include <algorithm>

#include "reference/cpu/blocked/vector.h"
#include "reference/cpu/blocked/weights_unit.h"

// Rows of images as weight gradients take them, and the dy of those rows.
//
// Note [pairs in a gradient]: with eight filters or fewer on plain images a vector of dy holds two neighbouring pixels, as in
// taps_weights.cpp. Multiplied with x[s] it is a term of element s of the window from the first pixel and of element s - 1 from
// the second.

namespace convoy::cpu::blocked {
namespace {

constexpr std::int64_t kBlockPixels = 224;  // of dy: 14 KiB of a first cache of 32 KiB

}  // namespace

std::int64_t sums_of(const WeightGradient& job, int channels) {
  const std::int64_t window = std::int64_t{job.window.kernel_h} * columns_of(job);
  return (job.x.pixel == 1 ? channels : blocks_of(channels) * kBlock) * window * kBlock;
}

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
}  // namespace convoy::cpu::blocked
