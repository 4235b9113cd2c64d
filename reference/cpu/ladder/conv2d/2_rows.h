/// Rung 2: the loop over columns goes inside. Then neighbouring outputs take neighbouring inputs times the same weight, which the
/// compiler does sixteen at a time, and what lies outside is cut off once a row.
/// Every multiply-add still loads an x and loads and stores a y: memory of the first cache is the limit now.
#pragma once

#include <algorithm>

#include "reference/core/tensor.h"
#include "reference/model/layer.h"

namespace convoy::cpu::ladder {

/// y = x (*) w, stride 1. x: [N,C,H,W]   w: [K,C,R,S]   y: [N,K,P,Q], overwritten.
inline void conv2d_2_rows(View<const float> x, View<const float> w, View<float> y, const Window& window) {
  std::fill_n(y.data, y.shape.count(), 0.0F);
  for (int n = 0; n < y.shape.n; ++n)
    for (int k = 0; k < y.shape.c; ++k)
      for (int c = 0; c < x.shape.c; ++c)
        for (int r = 0; r < window.kernel_h; ++r)
          for (int s = 0; s < window.kernel_w; ++s) {
            const float weight = w(k, c, r, s);
            const int shift = s - window.padding_w;  // column q of y meets column q + shift of x
            const int first = std::max(0, -shift);
            const int last = std::min(y.shape.w, x.shape.w - shift);
            for (int p = 0; p < y.shape.h; ++p) {
              const int row = p + r - window.padding_h;
              if (row < 0 || row >= x.shape.h) continue;
              float* to = &y(n, k, p, 0);
              const float* from = &x(n, c, row, 0) + shift;
              for (int q = first; q < last; ++q) to[q] += weight * from[q];
            }
          }
}

}  // namespace convoy::cpu::ladder
