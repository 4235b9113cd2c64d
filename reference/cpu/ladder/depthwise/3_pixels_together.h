/// Rung 3: four neighbouring pixels at a time, on a copy of x with zeros around it. A weight that is loaded serves four, and four
/// sums do not wait for each other. There are few products for each number, so memory and the copy are the limit now: the library
/// copies one plane at a time, which stays in the first cache.
#pragma once

#include <algorithm>

#include "reference/core/tensor.h"
#include "reference/cpu/ladder/conv2d/4_register_tile.h"

namespace convoy::cpu::ladder {

/// y[n,c] = x[n,c] (*) w[c], stride 1. x: [N,C,H,W] blocked   w: [C,1,R,S]   y: [N,C,P,Q] blocked, overwritten.
inline void depthwise_3_pixels_together(blocked::BlockedView<const float> x, View<const float> w, blocked::BlockedView<float> y,
                                        const Window& window) {
  constexpr int kPixels = 4;
  const TurnedWeights turned(w);
  const int columns = (y.shape.w + kPixels - 1) / kPixels * kPixels + window.kernel_w;
  const int rows = x.shape.h + 2 * window.padding_h;
  for (int n = 0; n < y.shape.n; ++n) {
    const std::vector<blocked::Vec> image = padded(x, n, window, columns);
    for (int block = 0; block < y.blocks(); ++block)
      for (int p = 0; p < y.shape.h; ++p)
        for (int q = 0; q < y.shape.w; q += kPixels) {
          blocked::Vec sums[kPixels] = {};
          for (int r = 0; r < window.kernel_h; ++r)
            for (int s = 0; s < window.kernel_w; ++s) {
              const blocked::Vec weight = turned.at(block, 0, r, s);
              const blocked::Vec* pixel = &image[static_cast<std::size_t>((block * rows + p + r) * columns + q + s)];
#pragma GCC unroll 4
              for (int i = 0; i < kPixels; ++i) sums[i] += weight * pixel[i];
            }
          for (int i = 0; i < std::min(kPixels, y.shape.w - q); ++i) blocked::as_vec(y.at(n, block, p, q + i)) = sums[i];
        }
  }
}

}  // namespace convoy::cpu::ladder
