/// Rung 1: the definition. Every channel has a filter of its own, so an output is a sum of R S products and no more: nine for 3 x 3,
/// each behind the question whether it lies inside x.
#pragma once

#include "reference/core/tensor.h"
#include "reference/model/layer.h"

namespace convoy::cpu::ladder {

/// y[n,c] = x[n,c] (*) w[c], stride 1. x: [N,C,H,W]   w: [C,1,R,S]   y: [N,C,P,Q], overwritten.
inline void depthwise_1_naive(View<const float> x, View<const float> w, View<float> y, const Window& window) {
  for (int n = 0; n < y.shape.n; ++n)
    for (int c = 0; c < y.shape.c; ++c)
      for (int p = 0; p < y.shape.h; ++p)
        for (int q = 0; q < y.shape.w; ++q) {
          float sum = 0;
          for (int r = 0; r < window.kernel_h; ++r)
            for (int s = 0; s < window.kernel_w; ++s) {
              const int row = p + r - window.padding_h;
              const int column = q + s - window.padding_w;
              if (row < 0 || row >= x.shape.h || column < 0 || column >= x.shape.w) continue;
              sum += x(n, c, row, column) * w(c, 0, r, s);
            }
          y(n, c, p, q) = sum;
        }
}

}  // namespace convoy::cpu::ladder
