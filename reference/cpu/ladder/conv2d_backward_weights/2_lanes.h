/// Rung 2: sixteen columns side by side, added up at the end: rows of dy and x are multiplied as vectors, and what lies outside
/// is cut off once a row. Rows are short, so the rest of fewer than sixteen is a large part of the work, and there is one chain
/// of additions, each of which waits for the one before it.
#pragma once

#include <algorithm>

#include "reference/core/tensor.h"
#include "reference/cpu/ladder/linear/2_lanes.h"
#include "reference/model/layer.h"

namespace convoy::cpu::ladder {

/// dw += dy (*) x, stride 1. dy: [N,K,P,Q]   x: [N,C,H,W]   dw: [K,C,R,S], accumulated.
inline void conv2d_backward_weights_2_lanes(View<const float> dy, View<const float> x, View<float> dw, const Window& window) {
  for (int k = 0; k < dw.shape.n; ++k)
    for (int c = 0; c < dw.shape.c; ++c)
      for (int r = 0; r < window.kernel_h; ++r)
        for (int s = 0; s < window.kernel_w; ++s) {
          const int shift = s - window.padding_w;  // column q of dy meets column q + shift of x
          const int first = std::max(0, -shift);
          const int last = std::min(dy.shape.w, x.shape.w - shift);
          blocked::Vec lanes{};
          float rest = 0;
          for (int n = 0; n < dy.shape.n; ++n)
            for (int p = 0; p < dy.shape.h; ++p) {
              const int row = p + r - window.padding_h;
              if (row < 0 || row >= x.shape.h) continue;
              const float* gradient = &dy(n, k, p, 0);
              const float* value = &x(n, c, row, 0) + shift;
              int q = first;
              for (; q + 16 <= last; q += 16) lanes += load(gradient + q) * load(value + q);
              for (; q < last; ++q) rest += gradient[q] * value[q];
            }
          dw(k, c, r, s) += added_up(lanes) + rest;
        }
}

}  // namespace convoy::cpu::ladder
