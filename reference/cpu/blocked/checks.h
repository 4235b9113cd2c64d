/// Shared by the kernels on blocked tensors: checks of operands, and how planes are divided among threads.
#pragma once

#include <string_view>

#include "reference/cpu/blocked/view.h"
#include "reference/cpu/checks.h"
#include "reference/cpu/parallel.h"

namespace convoy::cpu::blocked {

/// body(plane, block) for all planes [H][W][16] of a tensor, divided among the threads: plane counts samples and blocks together.
template <class Body>
void for_each_plane(const Shape& shape, const Body& body) {
  const int blocks = blocks_of(shape.c);
  const std::int64_t plane = std::int64_t{shape.h} * shape.w * kBlock;
  const std::int64_t grain = kElementGrain / std::max<std::int64_t>(plane, 1) + 1;
  parallel_slices(std::int64_t{shape.n} * blocks, grain, [&](Slice slice) {
    for (std::int64_t i = slice.offset; i < slice.end(); ++i) body(i, static_cast<int>(i % blocks));
  });
}

/// Lanes of a block that hold channels.
inline int lanes_of(int channels, int block) { return std::min(kBlock, channels - block * kBlock); }

}  // namespace convoy::cpu::blocked
