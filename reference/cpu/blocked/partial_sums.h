/// Two sums a channel over a blocked tensor, divided among threads and added up in a fixed order.
#pragma once

#include <span>

#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/vector.h"

namespace convoy::cpu::blocked {

/// Doubles of the calling thread's scratch memory, all 0: two for every lane of every block, for each of `parts` parts.
double* zeroed_sums(std::int64_t parts, int blocks);
/// result = [first sum by channel | second sum by channel], 2 * channels numbers, from those of all parts in their order, for the
/// channels of `slice`; the others stay as they are.
void add_parts(const double* sums, std::int64_t parts, int channels, Slice slice, std::span<double> result);
/// Adds sums of a block to where zeroed_sums() keeps them for one part.
inline void add_to(double* part, int blocks, int block, const DoubleSums& first, const DoubleSums& second) {
  for (int lane = 0; lane < kBlock; ++lane) {
    part[block * kBlock + lane] += first.lane(lane);
    part[(blocks + block) * kBlock + lane] += second.lane(lane);
  }
}

/// result = the sums of body(plane, block, first, second) over all planes of a tensor.
template <class Body>
void sum_over_planes(const Shape& shape, std::span<double> result, const Body& body) {
  const int blocks = blocks_of(shape.c);
  const std::int64_t planes = std::int64_t{shape.n} * blocks;
  const std::int64_t parts = parts_of(planes, kElementGrain / (std::int64_t{shape.h} * shape.w * kBlock + 1) + 1);
  double* sums = zeroed_sums(parts, blocks);
  parallel_for(parts, [&](std::int64_t part) {
    const Slice slice = shard(planes, parts, part);
    for (std::int64_t i = slice.offset; i < slice.end(); ++i) {
      const int block = static_cast<int>(i % blocks);
      DoubleSums first, second;
      body(i, block, first, second);
      add_to(sums + part * 2 * blocks * kBlock, blocks, block, first, second);
    }
  });
  add_parts(sums, parts, shape.c, {0, shape.c}, result);
}

}  // namespace convoy::cpu::blocked
