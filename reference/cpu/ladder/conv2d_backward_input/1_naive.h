/// Rung 1: the definition. Every dy goes back through every weight that it came through.
/// Seven loops that add to dx, which is loaded and stored for every multiply-add.
#pragma once

#include <algorithm>

#include "reference/core/tensor.h"
#include "reference/model/layer.h"

namespace convoy::cpu::ladder {

/// dx = dy (*) w transposed, stride 1. dy: [N,K,P,Q]   w: [K,C,R,S]   dx: [N,C,H,W], overwritten.
inline void conv2d_backward_input_1_naive(View<const float> dy, View<const float> w, View<float> dx, const Window& window) {
  std::fill_n(dx.data, dx.shape.count(), 0.0F);
  for (int n = 0; n < dy.shape.n; ++n)
    for (int k = 0; k < dy.shape.c; ++k)
      for (int p = 0; p < dy.shape.h; ++p)
        for (int q = 0; q < dy.shape.w; ++q)
          for (int c = 0; c < dx.shape.c; ++c)
            for (int r = 0; r < window.kernel_h; ++r)
              for (int s = 0; s < window.kernel_w; ++s) {
                const int row = p + r - window.padding_h;
                const int column = q + s - window.padding_w;
                if (row < 0 || row >= dx.shape.h || column < 0 || column >= dx.shape.w) continue;
                dx(n, c, row, column) += dy(n, k, p, q) * w(k, c, r, s);
              }
}

}  // namespace convoy::cpu::ladder
