/// Rung 3: the input gradient is itself a convolution, of dy, with the filters turned round by 180 degrees, channels and filters
/// exchanged, and the padding that is left of the window. So what makes forward fast makes this fast: its rung 4 does the rest,
/// and the time to turn the filters is nothing beside it.
#pragma once

#include "reference/core/tensor.h"
#include "reference/cpu/ladder/conv2d/4_register_tile.h"

namespace convoy::cpu::ladder {

/// [C,K,R,S] turned round from w: [K,C,R,S].
inline Tensor<float> turned_filters(View<const float> w) {
  Tensor<float> turned({w.shape.c, w.shape.n, w.shape.h, w.shape.w});
  for (int k = 0; k < w.shape.n; ++k)
    for (int c = 0; c < w.shape.c; ++c)
      for (int r = 0; r < w.shape.h; ++r)
        for (int s = 0; s < w.shape.w; ++s) turned.view()(c, k, w.shape.h - 1 - r, w.shape.w - 1 - s) = w(k, c, r, s);
  return turned;
}

/// The window that slides over dy.
inline Window window_of_gradient(Window window) {
  window.padding_h = window.kernel_h - 1 - window.padding_h;
  window.padding_w = window.kernel_w - 1 - window.padding_w;
  return window;
}

/// dx = dy (*) w transposed, stride 1. dy: [N,K,P,Q] blocked   w: [K,C,R,S]   dx: [N,C,H,W] blocked, overwritten.
inline void conv2d_backward_input_3_turned_filters(blocked::BlockedView<const float> dy, View<const float> w,
                                                   blocked::BlockedView<float> dx, const Window& window) {
  conv2d_4_register_tile(dy, turned_filters(w).view(), dx, window_of_gradient(window));
}

}  // namespace convoy::cpu::ladder
