/// Rung 1: the definition. The largest of every window is looked for again, and gets the gradient. Branches that are guessed
/// wrong, as forward, and an address that is known only when the search has ended.
#pragma once

#include <algorithm>

#include "reference/core/tensor.h"
#include "reference/model/layer.h"

namespace convoy::cpu::ladder {

/// dx = dy where x was the largest of its window, the first of equal ones, else 0. dy: [N,C,P,Q]   x, dx: [N,C,H,W], dx
/// overwritten.
inline void max_pool2d_backward_input_1_naive(View<const float> dy, View<const float> x, View<float> dx, const Window& window) {
  std::fill_n(dx.data, dx.shape.count(), 0.0F);
  for (int n = 0; n < dy.shape.n; ++n)
    for (int c = 0; c < dy.shape.c; ++c)
      for (int p = 0; p < dy.shape.h; ++p)
        for (int q = 0; q < dy.shape.w; ++q) {
          const int top = p * window.stride_h - window.padding_h;
          const int left = q * window.stride_w - window.padding_w;
          int best_row = std::max(top, 0);
          int best_column = std::max(left, 0);
          for (int row = std::max(top, 0); row < std::min(top + window.kernel_h, x.shape.h); ++row)
            for (int column = std::max(left, 0); column < std::min(left + window.kernel_w, x.shape.w); ++column)
              if (x(n, c, row, column) > x(n, c, best_row, best_column)) {
                best_row = row;
                best_column = column;
              }
          dx(n, c, best_row, best_column) += dy(n, c, p, q);
        }
}

}  // namespace convoy::cpu::ladder
