/// BlockedView: a tensor in the layout nChw16c, [N][ceil(C/16)][H][W][16]. Sixteen channels of a pixel lie together, so that they
/// are one vector of AVX-512, two of AVX2, and loops over them never end with a remainder.
#pragma once

#include <cstdint>

#include "reference/core/shape.h"

namespace convoy::cpu::blocked {

/// Channels of a block.
inline constexpr int kBlock = 16;

/// Floats from which on a result is stored past the caches (see vector.h): 24 MiB, most of the last cache of a processor of
/// today.
inline constexpr std::int64_t kStreamedFloats = std::int64_t{6} << 20U;

/// Blocks that hold this many channels.
constexpr int blocks_of(int channels) { return (channels + kBlock - 1) / kBlock; }
/// Elements in memory of a blocked tensor with this logical shape, lanes of padding included.
inline std::int64_t blocked_count(const Shape& shape) {
  return std::int64_t{shape.n} * blocks_of(shape.c) * kBlock * shape.h * shape.w;
}

/// Memory of somebody else with a *logical* shape N, C, H, W, laid out as [N][ceil(C/16)][H][W][16]. It begins on a 64-byte
/// boundary. The lanes behind channel C are zero: whoever writes a blocked tensor writes them too, and whoever reads may rely on
/// it.
template <class T>
struct BlockedView {
  T* data = nullptr;
  Shape shape;

  [[nodiscard]] int blocks() const { return blocks_of(shape.c); }
  /// Elements from one block of channels to the next.
  [[nodiscard]] std::int64_t plane() const { return std::int64_t{shape.h} * shape.w * kBlock; }
  /// Elements from one row to the next.
  [[nodiscard]] std::int64_t row() const { return std::int64_t{shape.w} * kBlock; }
  /// Elements in memory, lanes of padding included.
  [[nodiscard]] std::int64_t count() const { return blocked_count(shape); }
  /// The sixteen channels of pixel (h, w) in a block of channels of sample n.
  [[nodiscard]] T* at(int n, int block, int h, int w) const {
    return data + ((std::int64_t{n} * blocks() + block) * shape.h + h) * row() + std::int64_t{w} * kBlock;
  }
  /// A view of const elements can be made from one of mutable elements, never the other way.
  // NOLINTNEXTLINE(google-explicit-constructor)
  operator BlockedView<const T>() const { return {data, shape}; }
};

}  // namespace convoy::cpu::blocked
