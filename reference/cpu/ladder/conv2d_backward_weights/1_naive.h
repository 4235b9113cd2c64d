/// Rung 1: the definition. Every element of a filter is one long sum over all images and pixels, added one by one.
#pragma once

#include "reference/core/tensor.h"
#include "reference/model/layer.h"

namespace convoy::cpu::ladder {

/// dw += dy (*) x, stride 1. dy: [N,K,P,Q]   x: [N,C,H,W]   dw: [K,C,R,S], accumulated.
inline void conv2d_backward_weights_1_naive(View<const float> dy, View<const float> x, View<float> dw, const Window& window) {
  for (int k = 0; k < dw.shape.n; ++k)
    for (int c = 0; c < dw.shape.c; ++c)
      for (int r = 0; r < window.kernel_h; ++r)
        for (int s = 0; s < window.kernel_w; ++s) {
          float sum = 0;
          for (int n = 0; n < dy.shape.n; ++n)
            for (int p = 0; p < dy.shape.h; ++p)
              for (int q = 0; q < dy.shape.w; ++q) {
                const int row = p + r - window.padding_h;
                const int column = q + s - window.padding_w;
                if (row < 0 || row >= x.shape.h || column < 0 || column >= x.shape.w) continue;
                sum += dy(n, k, p, q) * x(n, c, row, column);
              }
          dw(k, c, r, s) += sum;
        }
}

}  // namespace convoy::cpu::ladder
