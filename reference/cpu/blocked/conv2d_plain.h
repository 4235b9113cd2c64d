/// Convolutions of blocked tensors through the plain layout: for every window and grouping, with copies; what the convolutions
/// without a faster way use. Operands as in kernels.h, already checked.
#pragma once

#include "reference/cpu/blocked/kernels.h"

namespace convoy::cpu::blocked::plain {

void conv2d_forward(BlockedView<const float> x, View<const float> w, View<const float> b, BlockedView<float> y,
                    const Window& window, const Epilogue& epilogue);
void conv2d_forward(View<const float> x, View<const float> w, View<const float> b, BlockedView<float> y, const Window& window,
                    const Epilogue& epilogue);
void conv2d_backward_input(BlockedView<const float> dy, View<const float> w, BlockedView<float> dx, const Window& window,
                           BlockedView<const float> y);
void conv2d_backward_weights(BlockedView<const float> dy, BlockedView<const float> x, View<float> dw, View<float> db,
                             const Window& window, BlockedView<const float> y);
void conv2d_backward_weights(BlockedView<const float> dy, View<const float> x, View<float> dw, View<float> db,
                             const Window& window, BlockedView<const float> y);

}  // namespace convoy::cpu::blocked::plain
