/// How images fall into tiles of 4 x 4 or 2 x 2 outputs, and patches of them in transformed form; shared by the two files of
/// Winograd's ways.
#pragma once

#include <algorithm>

#include "reference/cpu/blocked/view.h"
#include "reference/cpu/blocked/winograd_transforms.h"

namespace convoy::cpu::blocked::winograd {

/// The tiles of all images: `down` x `right` in each, the last ones reaching over the image's end.
struct Tiles {
  int size = 0;  ///< outputs of a tile in a row
  int images = 0, down = 0, right = 0;
  Tiles(const Shape& y, int outputs)
      : size(outputs), images(y.n), down((y.h + outputs - 1) / outputs), right((y.w + outputs - 1) / outputs) {}
  [[nodiscard]] std::int64_t count() const { return std::int64_t{images} * down * right; }
};
/// Image, and first output row and column.
struct Place {
  int n, row, column;
  Place(const Tiles& tiles, std::int64_t index)
      : n(static_cast<int>(index / (std::int64_t{tiles.down} * tiles.right))),
        row(static_cast<int>(index / tiles.right % tiles.down) * tiles.size),
        column(static_cast<int>(index % tiles.right) * tiles.size) {}
};

/// Transformed tiles in memory: [36 points][blocks of channels][tiles][16]. A line more for every point, so that the points of a
/// tile do not all fall on the same lines of the caches.
struct Points {
  float* data = nullptr;
  std::int64_t point = 0;  ///< floats from point to point
  std::int64_t block = 0;  ///< floats from block to block
  Points(float* memory, int blocks, std::int64_t tiles)
      : data(memory), point((blocks * tiles + 1) * kBlock), block(tiles * kBlock) {}
  [[nodiscard]] static std::int64_t floats(int blocks, std::int64_t tiles) { return kPoints * (blocks * tiles + 1) * kBlock; }
  [[nodiscard]] float* at(int points, std::int64_t blocks, std::int64_t tile) const {
    return data + points * point + blocks * block + tile * kBlock;
  }
};

/// Elements (i, j) of the patch of x that begins at (row, column), 0 outside the image and where the mask is not positive.
struct Patch {
  const float* x;     // of the block's plane
  const float* mask;  // or nullptr
  int h, w;
  int row, column;
  [[nodiscard]] CONVOY_INLINE Vec masked(std::int64_t at) const {
    Vec v = as_vec(x + at);
    if (mask != nullptr) keep_where_positive(v, as_vec(mask + at));
    return v;
  }
  [[nodiscard]] CONVOY_INLINE Vec anywhere(int i, int j) const {
    if (row + i < 0 || row + i >= h || column + j < 0 || column + j >= w) return Vec{};
    return masked((std::int64_t{row + i} * w + column + j) * kBlock);
  }
};

/// Puts the transformed patch at `to`, a point every `point_step` floats.
template <class Transform>
inline void transform_patch(const Patch& patch, float* to, std::int64_t point_step) {
  constexpr int kSize = static_cast<int>(Transform::kFrom);
  const auto store = [&](int i, int j, const Vec& v) { as_vec(to + (i * kPatch + j) * point_step) = v; };
  const bool inside = patch.row >= 0 && patch.row + kSize <= patch.h && patch.column >= 0 && patch.column + kSize <= patch.w;
  if (!inside) {
    transform<Transform>([&](int i, int j) { return patch.anywhere(i, j); }, store);
    return;
  }
  const std::int64_t first = (std::int64_t{patch.row} * patch.w + patch.column) * kBlock;
  const std::int64_t row = std::int64_t{patch.w} * kBlock;
  if (patch.mask == nullptr)
    transform<Transform>([&](int i, int j) -> const Vec& { return as_vec(patch.x + first + i * row + j * kBlock); }, store);
  else
    transform<Transform>([&](int i, int j) { return patch.masked(first + i * row + j * kBlock); }, store);
}

}  // namespace convoy::cpu::blocked::winograd
