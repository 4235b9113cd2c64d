/// Rung 1: the definition. For every output a loop over its window, with a branch wherever a value may be the largest so far;
/// where that is, is as good as random, and a processor that guesses wrong begins anew.
#pragma once

#include <algorithm>
#include <limits>

#include "reference/core/tensor.h"
#include "reference/model/layer.h"

namespace convoy::cpu::ladder {

/// y = largest x of each window. x: [N,C,H,W]   y: [N,C,P,Q], overwritten.
inline void max_pool2d_1_naive(View<const float> x, View<float> y, const Window& window) {
  for (int n = 0; n < y.shape.n; ++n)
    for (int c = 0; c < y.shape.c; ++c)
      for (int p = 0; p < y.shape.h; ++p)
        for (int q = 0; q < y.shape.w; ++q) {
          float best = -std::numeric_limits<float>::infinity();
          for (int r = 0; r < window.kernel_h; ++r)
            for (int s = 0; s < window.kernel_w; ++s) {
              const int row = p * window.stride_h + r - window.padding_h;
              const int column = q * window.stride_w + s - window.padding_w;
              if (row < 0 || row >= x.shape.h || column < 0 || column >= x.shape.w) continue;
              if (x(n, c, row, column) > best) best = x(n, c, row, column);
            }
          y(n, c, p, q) = best;
        }
}

}  // namespace convoy::cpu::ladder
