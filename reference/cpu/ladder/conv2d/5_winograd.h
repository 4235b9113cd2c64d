/// Rung 5: multiply less. Sixteen outputs of a 3 x 3 filter are 144 products for every channel, and Winograd's transform of patch
/// and filter makes 36 of them, at the cost of additions: those of a patch are paid once for all filters, those of the sum once
/// for all channels. What is left are 36 convolutions of 1 x 1, for which rung 4 has the tile.
/// FLOPs are counted as the definition has them, so the rate may exceed what the core can multiply. The price is rounding, about ten
/// times as much, and that 4 x 4 tiles may not fit the image: of 7 x 7 they waste half.
#pragma once

#include "reference/core/tensor.h"
#include "reference/cpu/ladder/conv2d/4_register_tile.h"
#include "reference/cpu/ladder/conv2d/transformed_tiles.h"

namespace convoy::cpu::ladder {

/// Transformed filters, sixteen together: [36 points][ceil(K/16)][C][16].
class TransformedFilters {
 public:
  void prepare(View<const float> w) {
    blocks_ = blocked::blocks_of(w.shape.n);
    channels_ = w.shape.c;
    values_.resize(static_cast<std::size_t>(place(kPoints, 0, 0)));
    const TurnedWeights turned(w);
    for (int block = 0; block < blocks_; ++block)
      for (int c = 0; c < channels_; ++c)
        blocked::winograd::transform<Winograd::Filter>(
            [&](int i, int j) { return turned.at(block, c, i, j); },
            [&](int i, int j, const blocked::Vec& u) { values_[static_cast<std::size_t>(place(kPatch * i + j, block, c))] = u; });
  }
  /// The filters of one point, as those of a 1 x 1 convolution.
  struct Point {
    const TransformedFilters& all;
    int point;
    [[nodiscard]] const blocked::Vec& at(int block, int c, int /*r*/, int /*s*/) const {
      return all.values_[static_cast<std::size_t>(all.place(point, block, c))];
    }
  };
  [[nodiscard]] Point at(int point) const { return {*this, point}; }

 private:
  [[nodiscard]] std::int64_t place(int point, int block, int c) const {
    return (std::int64_t{point} * blocks_ + block) * channels_ + c;
  }
  int blocks_ = 0, channels_ = 0;
  std::vector<blocked::Vec> values_;
};

/// y = x (*) w, stride 1. x: [N,C,H,W] blocked   w: [K,C,R,S]   y: [N,K,P,Q] blocked, overwritten. Other windows than 3 x 3 are left
/// to rung 4.
inline void conv2d_5_winograd(blocked::BlockedView<const float> x, View<const float> w, blocked::BlockedView<float> y,
                              const Window& window) {
  if (!suits_winograd(window)) return conv2d_4_register_tile(x, w, y, window);
  thread_local TransformedFilters filters;
  thread_local TransformedTiles patches, products;
  const Tiling tiling(y.shape);
  filters.prepare(w);
  patches.prepare(x.shape.c, tiling.count());
  products.prepare(y.shape.c, tiling.count());
  for (int n = 0; n < y.shape.n; ++n) {
    transform_tiles<blocked::winograd::InputTransform>(x, n, tiling, window.padding_h, window.padding_w, patches);
    for (int point = 0; point < kPoints; ++point)
      conv2d_by_tiles(patches.image(point), filters.at(point), products.image(point), Window{});
    for (int block = 0; block < y.blocks(); ++block)
      for (int tile = 0; tile < tiling.count(); ++tile)
        blocked::winograd::transform<Winograd::Output>(
            [&](int i, int j) { return products.at(kPatch * i + j, block, tile); },
            [&](int i, int j, const blocked::Vec& value) {
              const int p = tile / tiling.columns * Winograd::kTile + i, q = tile % tiling.columns * Winograd::kTile + j;
              if (p < y.shape.h && q < y.shape.w) blocked::as_vec(y.at(n, block, p, q)) = value;
            });
  }
}

}  // namespace convoy::cpu::ladder
