/// Rung 2: sixteen channels side by side. Each lane remembers which element of the window is its largest, and the gradient is
/// added to every element, where it is the one, else 0: more additions, but no branch and no address to wait for.
#pragma once

#include <algorithm>

#include "reference/cpu/blocked/vector.h"
#include "reference/cpu/blocked/view.h"
#include "reference/model/layer.h"

namespace convoy::cpu::ladder {

/// dx = dy where x was the largest of its window, else 0. dy: [N,C,P,Q]   x, dx: [N,C,H,W], all blocked, dx overwritten.
inline void max_pool2d_backward_input_2_lanes(blocked::BlockedView<const float> dy, blocked::BlockedView<const float> x,
                                              blocked::BlockedView<float> dx, const Window& window) {
  std::fill_n(dx.data, dx.count(), 0.0F);
  for (int n = 0; n < dy.shape.n; ++n)
    for (int block = 0; block < dy.blocks(); ++block)
      for (int p = 0; p < dy.shape.h; ++p)
        for (int q = 0; q < dy.shape.w; ++q) {
          const int top = std::max(p * window.stride_h - window.padding_h, 0);
          const int bottom = std::min(p * window.stride_h - window.padding_h + window.kernel_h, x.shape.h);
          const int left = std::max(q * window.stride_w - window.padding_w, 0);
          const int right = std::min(q * window.stride_w - window.padding_w + window.kernel_w, x.shape.w);
          blocked::Vec best = blocked::as_vec(x.at(n, block, top, left));
          blocked::Mask where{};
          for (int row = top; row < bottom; ++row)
            for (int column = left; column < right; ++column) {
              const blocked::Vec value = blocked::as_vec(x.at(n, block, row, column));
              where = value > best ? blocked::Mask{} + (row * x.shape.w + column - top * x.shape.w - left) : where;
              best = value > best ? value : best;
            }
          const blocked::Vec gradient = blocked::as_vec(dy.at(n, block, p, q));
          for (int row = top; row < bottom; ++row)
            for (int column = left; column < right; ++column) {
              const int here = row * x.shape.w + column - top * x.shape.w - left;
              blocked::as_vec(dx.at(n, block, row, column)) += where == here ? gradient : blocked::Vec{};
            }
        }
}

}  // namespace convoy::cpu::ladder
