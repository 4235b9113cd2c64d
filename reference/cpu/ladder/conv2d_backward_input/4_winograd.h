/// Rung 4: multiply less. With the filters turned round it is a convolution like any other, so forward's rung 5, Winograd's
/// algorithm, serves here too.
#pragma once

#include "reference/core/tensor.h"
#include "reference/cpu/ladder/conv2d/5_winograd.h"
#include "reference/cpu/ladder/conv2d_backward_input/3_turned_filters.h"

namespace convoy::cpu::ladder {

/// dx = dy (*) w transposed, stride 1. dy: [N,K,P,Q] blocked   w: [K,C,R,S]   dx: [N,C,H,W] blocked, overwritten.
inline void conv2d_backward_input_4_winograd(blocked::BlockedView<const float> dy, View<const float> w,
                                             blocked::BlockedView<float> dx, const Window& window) {
  conv2d_5_winograd(dy, turned_filters(w).view(), dx, window_of_gradient(window));
}

}  // namespace convoy::cpu::ladder
