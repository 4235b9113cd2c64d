/// Rung 5: multiply less. Winograd's formula is a sum of products in y, g and d, so it can be read towards the filter as well:
/// dg = G^T [ (A dy A^T) * (B^T d B) ] G, summed over tiles. The 36 sums are gradients of 1 x 1 convolutions, which rung 4
/// computes, with a quarter of its products.
#pragma once

#include "reference/core/tensor.h"
#include "reference/cpu/ladder/conv2d/transformed_tiles.h"
#include "reference/cpu/ladder/conv2d_backward_weights/outer_products.h"

namespace convoy::cpu::ladder {

/// dw += dy (*) x, stride 1. dy: [N,K,P,Q] blocked   x: [N,C,H,W] blocked   dw: [K,C,R,S], accumulated. Other windows than 3 x 3 are
/// left to rung 4.
inline void conv2d_backward_weights_5_winograd(blocked::BlockedView<const float> dy, blocked::BlockedView<const float> x,
                                               View<float> dw, const Window& window) {
  if (!suits_winograd(window)) return conv2d_backward_weights_outer<blocked::kBlock>(dy, x, dw, window);
  const Tiling tiling(dy.shape);
  thread_local TransformedTiles patches, gradients;
  patches.prepare(x.shape.c, tiling.count());
  gradients.prepare(dy.shape.c, tiling.count());
  std::vector<Tensor<float>> sums;  // by point, [K,C,1,1]
  for (int point = 0; point < kPoints; ++point) sums.emplace_back(Shape{dw.shape.n, dw.shape.c, 1, 1});
  for (int n = 0; n < dy.shape.n; ++n) {
    transform_tiles<blocked::winograd::InputTransform>(x, n, tiling, window.padding_h, window.padding_w, patches);
    transform_tiles<Winograd::Gradient>(dy, n, tiling, 0, 0, gradients);
    for (int point = 0; point < kPoints; ++point)
      conv2d_backward_weights_outer<blocked::kBlock>(gradients.image(point), patches.image(point),
                                                     sums[static_cast<std::size_t>(point)].view(), Window{});
  }
  for (int first = 0; first < dw.shape.n; first += blocked::kBlock)
    for (int c = 0; c < dw.shape.c; ++c) {
      const int filters = std::min(blocked::kBlock, dw.shape.n - first);
      blocked::winograd::transform<Winograd::FilterGradient>(
          [&](int i, int j) {
            blocked::Vec u{};
            for (int k = 0; k < filters; ++k) u[k] = sums[static_cast<std::size_t>(kPatch * i + j)].view()(first + k, c, 0, 0);
            return u;
          },
          [&](int r, int s, const blocked::Vec& g) {
            for (int k = 0; k < filters; ++k) dw(first + k, c, r, s) += g[k];
          });
    }
}

}  // namespace convoy::cpu::ladder
