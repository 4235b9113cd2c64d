/// Depthwise convolutions: every channel is a group of its own, so that a filter sees one plane only.
#pragma once

#include "reference/core/tensor.h"
#include "reference/model/layer.h"

namespace convoy::cpu {

/// Filters [K,1,R,S] on several channels; K is a multiple of their number. Dilated ones are left to the general kernel.
inline bool is_depthwise(const Shape& x, const Shape& w, const Window& window) {
  return w.c == 1 && x.c > 1 && window.dilation_h == 1 && window.dilation_w == 1;
}

/// The three passes of Conv2d, with the operands of reference/cpu/kernels.h, checked and not empty.
void depthwise_forward(View<const float> x, View<const float> w, View<const float> b, View<float> y, const Window& window);
void depthwise_backward_input(View<const float> dy, View<const float> w, View<float> dx, const Window& window);
void depthwise_backward_weights(View<const float> dy, View<const float> x, View<float> dw, View<float> db, const Window& window);

}  // namespace convoy::cpu
