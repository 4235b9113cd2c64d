/// What the rungs with Winograd's algorithm share: images cut into tiles, and each tile transformed into 36 points.
///
/// Lavin and Gray 2016: y = A^T [ (G g G^T) * (B^T d B) ] A for 4 x 4 outputs y of a 3 x 3 filter g, with the patch d of 6 x 6
/// inputs below them, * element by element. Summed over channels, every one of the 36 points is a convolution of 1 x 1 of its own,
/// of images that have a pixel for every tile: what rung 4 is good at. See blocked/winograd_transforms.h for the matrices.
#pragma once

#include <vector>

#include "reference/cpu/blocked/vector.h"
#include "reference/cpu/blocked/view.h"
#include "reference/cpu/blocked/winograd_transforms.h"
#include "reference/model/layer.h"

namespace convoy::cpu::ladder {

using Winograd = blocked::winograd::For3x3;
inline constexpr int kPoints = blocked::winograd::kPoints;
inline constexpr int kPatch = blocked::winograd::kPatch;

/// Whether a window is one that the 36 points are for.
inline bool suits_winograd(const Window& window) {
  return window.kernel_h == 3 && window.kernel_w == 3 && window.stride_h == 1 && window.stride_w == 1;
}

/// The tiles of 4 x 4 of an image, row by row; those at the lower and right edge reach over it.
struct Tiling {
  int rows, columns;
  explicit Tiling(const Shape& image)
      : rows((image.h + Winograd::kTile - 1) / Winograd::kTile), columns((image.w + Winograd::kTile - 1) / Winograd::kTile) {}
  [[nodiscard]] int count() const { return rows * columns; }
};

/// For each point an image [1, channels, 1, tiles], blocked. Rungs keep theirs from call to call: memory that is touched for the first
/// time costs more than all transforms.
class TransformedTiles {
 public:
  void prepare(int channels, int tiles) {
    shape_ = {1, channels, 1, tiles};
    values_.resize(static_cast<std::size_t>(kPoints) * static_cast<std::size_t>(blocked::blocks_of(channels) * tiles));
  }
  [[nodiscard]] blocked::BlockedView<float> image(int point) {
    return {reinterpret_cast<float*>(values_.data()) + point * blocked::blocked_count(shape_), shape_};
  }
  [[nodiscard]] blocked::Vec& at(int point, int block, int tile) { return blocked::as_vec(image(point).at(0, block, 0, tile)); }

 private:
  Shape shape_;
  std::vector<blocked::Vec> values_;
};

/// Transforms what lies below every tile of an image: `padding` before its first row and column, zeros outside.
template <class Transform>
inline void transform_tiles(blocked::BlockedView<const float> x, int n, const Tiling& tiling, int padding_h, int padding_w,
                            TransformedTiles& to) {
  for (int block = 0; block < x.blocks(); ++block)
    for (int tile = 0; tile < tiling.count(); ++tile) {
      const int top = tile / tiling.columns * Winograd::kTile - padding_h;
      const int left = tile % tiling.columns * Winograd::kTile - padding_w;
      blocked::winograd::transform<Transform>(
          [&](int i, int j) {
            const int h = top + i, w = left + j;
            const bool inside = h >= 0 && h < x.shape.h && w >= 0 && w < x.shape.w;
            return inside ? blocked::as_vec(x.at(n, block, h, w)) : blocked::Vec{};
          },
          [&](int i, int j, const blocked::Vec& value) { to.at(kPatch * i + j, block, tile) = value; });
    }
}

}  // namespace convoy::cpu::ladder
