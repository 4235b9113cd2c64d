/// What rungs 3 and 4 have in common: the loops around a sum of outer products of pixels.
#pragma once

#include <algorithm>

#include "reference/core/tensor.h"
#include "reference/cpu/blocked/vector.h"
#include "reference/cpu/blocked/view.h"
#include "reference/model/layer.h"

namespace convoy::cpu::ladder {

/// total[i] += dy of sixteen filters times channel i of x, for kChannels neighbouring channels of a block, over all pixels that
/// element (r, s) of the window meets. dy, x: blocked.
template <std::size_t kChannels>
inline void add_outer_products(blocked::BlockedView<const float> dy, int filter_block, blocked::BlockedView<const float> x,
                               int channel, int r, int s, const Window& window, blocked::Vec (&total)[kChannels]) {
  blocked::Vec local[kChannels] = {};
  const int down = r - window.padding_h;
  const int right = s - window.padding_w;
  const int first = std::max(0, -right);
  const int last = std::min(dy.shape.w, x.shape.w - right);
  for (int n = 0; n < dy.shape.n; ++n)
    for (int p = std::max(0, -down); p < std::min(dy.shape.h, x.shape.h - down); ++p) {
      const float* gradient = dy.at(n, filter_block, p, 0);
      const float* value = x.at(n, channel / blocked::kBlock, p + down, 0) + right * blocked::kBlock + channel % blocked::kBlock;
      for (int q = first; q < last; ++q) {
        const blocked::Vec g = blocked::as_vec(gradient + q * blocked::kBlock);
#pragma GCC unroll 16
        for (std::size_t i = 0; i < kChannels; ++i) local[i] += g * value[static_cast<std::size_t>(q) * blocked::kBlock + i];
      }
    }
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kChannels; ++i) total[i] += local[i];
}

/// dw += dy (*) x, stride 1, kChannels channels at a time. dy: [N,K,P,Q] blocked   x: [N,C,H,W] blocked   dw: [K,C,R,S],
/// accumulated.
template <int kChannels>
inline void conv2d_backward_weights_outer(blocked::BlockedView<const float> dy, blocked::BlockedView<const float> x,
                                          View<float> dw, const Window& window) {
  for (int block = 0; block < dy.blocks(); ++block)
    for (int channel = 0; channel < x.shape.c; channel += kChannels)
      for (int r = 0; r < window.kernel_h; ++r)
        for (int s = 0; s < window.kernel_w; ++s) {
          blocked::Vec total[static_cast<std::size_t>(kChannels)] = {};
          add_outer_products(dy, block, x, channel, r, s, window, total);
          for (int i = 0; i < std::min(kChannels, x.shape.c - channel); ++i)
            for (int lane = 0; lane < std::min(blocked::kBlock, dw.shape.n - block * blocked::kBlock); ++lane)
              dw(block * blocked::kBlock + lane, channel + i, r, s) += total[i][lane];
        }
}

}  // namespace convoy::cpu::ladder
