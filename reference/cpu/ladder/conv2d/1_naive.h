/// Rung 1: the definition. Seven loops, every output a sum of its own.
/// Two numbers are loaded for every multiply-add, and whether a position lies outside x is asked every time.
#pragma once

#include "reference/core/tensor.h"
#include "reference/model/layer.h"

namespace convoy::cpu::ladder {

/// y = x (*) w, stride 1. x: [N,C,H,W]   w: [K,C,R,S]   y: [N,K,P,Q], overwritten.
inline void conv2d_1_naive(View<const float> x, View<const float> w, View<float> y, const Window& window) {
  for (int n = 0; n < y.shape.n; ++n)
    for (int k = 0; k < y.shape.c; ++k)
      for (int p = 0; p < y.shape.h; ++p)
        for (int q = 0; q < y.shape.w; ++q) {
          float sum = 0;
          for (int c = 0; c < x.shape.c; ++c)
            for (int r = 0; r < window.kernel_h; ++r)
              for (int s = 0; s < window.kernel_w; ++s) {
                const int row = p + r - window.padding_h;
                const int column = q + s - window.padding_w;
                if (row < 0 || row >= x.shape.h || column < 0 || column >= x.shape.w) continue;
                sum += x(n, c, row, column) * w(k, c, r, s);
              }
          y(n, k, p, q) = sum;
        }
}

}  // namespace convoy::cpu::ladder
