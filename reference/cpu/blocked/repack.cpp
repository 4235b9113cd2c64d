#include <cstring>

#include "reference/core/error.h"
#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/kernels.h"

namespace convoy::cpu::blocked {
namespace {

/// Pixels that are turned round together: sixteen rows of so many floats and as many blocks of sixteen fit in the first cache.
constexpr std::int64_t kPixels = 64;

}  // namespace

void to_blocked(View<const float> x, BlockedView<float> y) {
  check_shape("blocked::to_blocked", "y", y.shape, x.shape);
  const std::int64_t pixels = std::int64_t{x.shape.h} * x.shape.w;
  for_each_plane(x.shape, [&](std::int64_t plane, int block) {
    const int lanes = lanes_of(x.shape.c, block);
    const std::int64_t n = plane / y.blocks();
    const float* from = x.data + (n * x.shape.c + std::int64_t{block} * kBlock) * pixels;
    float* to = y.data + plane * y.plane();
    if (lanes < kBlock) std::memset(to, 0, static_cast<std::size_t>(y.plane()) * sizeof(float));
    for (std::int64_t first = 0; first < pixels; first += kPixels) {
      const std::int64_t end = std::min(pixels, first + kPixels);
      for (int lane = 0; lane < lanes; ++lane)
        for (std::int64_t i = first; i < end; ++i) to[i * kBlock + lane] = from[lane * pixels + i];
    }
  });
}

void from_blocked(BlockedView<const float> x, View<float> y) {
  check_shape("blocked::from_blocked", "y", y.shape, x.shape);
  const std::int64_t pixels = std::int64_t{x.shape.h} * x.shape.w;
  for_each_plane(x.shape, [&](std::int64_t plane, int block) {
    const int lanes = lanes_of(x.shape.c, block);
    const std::int64_t n = plane / x.blocks();
    const float* from = x.data + plane * x.plane();
    float* to = y.data + (n * x.shape.c + std::int64_t{block} * kBlock) * pixels;
    for (std::int64_t first = 0; first < pixels; first += kPixels) {
      const std::int64_t end = std::min(pixels, first + kPixels);
      for (int lane = 0; lane < lanes; ++lane)
        for (std::int64_t i = first; i < end; ++i) to[lane * pixels + i] = from[i * kBlock + lane];
    }
  });
}

void copy_channels(BlockedView<const float> from, int from_c, BlockedView<float> to, int to_c, int count) {
  check_shape("blocked::copy_channels", "to", to.shape, {from.shape.n, to.shape.c, from.shape.h, from.shape.w});
  require(from_c >= 0 && to_c >= 0 && count >= 0 && from_c + count <= from.shape.c && to_c + count <= to.shape.c,
          "blocked::copy_channels", count, " channels from ", from_c, " of ", to_string(from.shape), " do not fit to ", to_c,
          " of ", to_string(to.shape));
  if (count == 0) return;
  const std::int64_t pixels = std::int64_t{to.shape.h} * to.shape.w;
  const bool whole = from_c % kBlock == 0 && to_c % kBlock == 0;
  parallel_for(to.shape.n, [&](std::int64_t sample) {
    const int n = static_cast<int>(sample);
    for (int block = to_c / kBlock; block <= (to_c + count - 1) / kBlock; ++block) {
      const int begin = std::max(to_c - block * kBlock, 0);
      const int end = std::min(to_c + count - block * kBlock, kBlock);
      float* target = to.at(n, block, 0, 0);
      const int first = from_c + block * kBlock + begin - to_c;  // channel of `from` that goes to lane `begin`
      if (whole && end == kBlock) {
        std::memcpy(target, from.at(n, first / kBlock, 0, 0), static_cast<std::size_t>(pixels) * kBlock * sizeof(float));
        continue;
      }
      for (int lane = begin; lane < end; ++lane) {
        const int channel = first + lane - begin;
        const float* source = from.at(n, channel / kBlock, 0, 0) + channel % kBlock;
        for (std::int64_t i = 0; i < pixels; ++i) target[i * kBlock + lane] = source[i * kBlock];
      }
      if (block * kBlock + end < to.shape.c) continue;
      for (int lane = end; lane < kBlock; ++lane)
        for (std::int64_t i = 0; i < pixels; ++i) target[i * kBlock + lane] = 0;
    }
  });
}

}  // namespace convoy::cpu::blocked
