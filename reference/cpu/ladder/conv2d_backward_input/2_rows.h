/// Rung 2: the loop over columns goes inside, as forward: neighbouring dx take neighbouring dy times the same weight, sixteen at
/// a time, and what lies outside is cut off once a row.
#pragma once

#include <algorithm>

#include "reference/core/tensor.h"
#include "reference/model/layer.h"

namespace convoy::cpu::ladder {

/// dx = dy (*) w transposed, stride 1. dy: [N,K,P,Q]   w: [K,C,R,S]   dx: [N,C,H,W], overwritten.
inline void conv2d_backward_input_2_rows(View<const float> dy, View<const float> w, View<float> dx, const Window& window) {
  std::fill_n(dx.data, dx.shape.count(), 0.0F);
  for (int n = 0; n < dx.shape.n; ++n)
    for (int c = 0; c < dx.shape.c; ++c)
      for (int k = 0; k < dy.shape.c; ++k)
        for (int r = 0; r < window.kernel_h; ++r)
          for (int s = 0; s < window.kernel_w; ++s) {
            const float weight = w(k, c, r, s);
            const int shift = s - window.padding_w;  // column q of dy meets column q + shift of dx
            const int first = std::max(0, -shift);
            const int last = std::min(dy.shape.w, dx.shape.w - shift);
            for (int p = 0; p < dy.shape.h; ++p) {
              const int row = p + r - window.padding_h;
              if (row < 0 || row >= dx.shape.h) continue;
              float* to = &dx(n, c, row, 0) + shift;
              const float* from = &dy(n, k, p, 0);
              for (int q = first; q < last; ++q) to[q] += weight * from[q];
            }
          }
}

}  // namespace convoy::cpu::ladder
