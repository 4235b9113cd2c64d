/// Rung 2: the layout nChw16c. Sixteen channels of a pixel are a vector, and so are their sixteen weights of a tap: no channel
/// meets another, so nothing has to be spread or added up between lanes.
/// Every multiply-add loads an x and a weight, and waits for the one before.
#pragma once

#include "reference/core/tensor.h"
#include "reference/cpu/blocked/vector.h"
#include "reference/cpu/blocked/view.h"
#include "reference/cpu/ladder/conv2d/turned_weights.h"
#include "reference/model/layer.h"

namespace convoy::cpu::ladder {

/// y[n,c] = x[n,c] (*) w[c], stride 1. x: [N,C,H,W] blocked   w: [C,1,R,S]   y: [N,C,P,Q] blocked, overwritten.
inline void depthwise_2_blocked_layout(blocked::BlockedView<const float> x, View<const float> w, blocked::BlockedView<float> y,
                                       const Window& window) {
  const TurnedWeights turned(w);
  for (int n = 0; n < y.shape.n; ++n)
    for (int block = 0; block < y.blocks(); ++block)
      for (int p = 0; p < y.shape.h; ++p)
        for (int q = 0; q < y.shape.w; ++q) {
          blocked::Vec sum{};
          for (int r = 0; r < window.kernel_h; ++r)
            for (int s = 0; s < window.kernel_w; ++s) {
              const int row = p + r - window.padding_h;
              const int column = q + s - window.padding_w;
              if (row < 0 || row >= x.shape.h || column < 0 || column >= x.shape.w) continue;
              sum += blocked::as_vec(x.at(n, block, row, column)) * turned.at(block, 0, r, s);
            }
          blocked::as_vec(y.at(n, block, p, q)) = sum;
        }
}

}  // namespace convoy::cpu::ladder
