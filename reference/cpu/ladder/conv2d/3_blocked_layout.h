/// Rung 3: the layout nChw16c. Sixteen channels of a pixel lie together, so the vector is one of channels and not of columns:
/// there is no remainder at the end of a row whatever its length, and the sum of a pixel stays in a register until it is done.
/// One sum depends on the one before it, and a fused multiply-add takes four cycles: most of the time the processor waits.
#pragma once

#include "reference/core/tensor.h"
#include "reference/cpu/blocked/vector.h"
#include "reference/cpu/blocked/view.h"
#include "reference/cpu/ladder/conv2d/turned_weights.h"
#include "reference/model/layer.h"

namespace convoy::cpu::ladder {

/// y = x (*) w, stride 1. x: [N,C,H,W] blocked   w: [K,C,R,S]   y: [N,K,P,Q] blocked, overwritten.
inline void conv2d_3_blocked_layout(blocked::BlockedView<const float> x, View<const float> w, blocked::BlockedView<float> y,
                                    const Window& window) {
  const TurnedWeights turned(w);
  for (int n = 0; n < y.shape.n; ++n)
    for (int block = 0; block < y.blocks(); ++block)
      for (int p = 0; p < y.shape.h; ++p)
        for (int q = 0; q < y.shape.w; ++q) {
          blocked::Vec sum{};
          for (int c = 0; c < x.shape.c; ++c)
            for (int r = 0; r < window.kernel_h; ++r)
              for (int s = 0; s < window.kernel_w; ++s) {
                const int row = p + r - window.padding_h;
                const int column = q + s - window.padding_w;
                if (row < 0 || row >= x.shape.h || column < 0 || column >= x.shape.w) continue;
                sum += x.at(n, c / blocked::kBlock, row, column)[c % blocked::kBlock] * turned.at(block, c, r, s);
              }
          blocked::as_vec(y.at(n, block, p, q)) = sum;
        }
}

}  // namespace convoy::cpu::ladder
