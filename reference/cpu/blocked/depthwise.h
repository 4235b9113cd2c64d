/// Depthwise convolutions of blocked tensors: filter c sees channel c only, so that sixteen channels of a pixel are multiplied
/// with sixteen weights, lane by lane.
#pragma once

#include "reference/cpu/blocked/kernels.h"

namespace convoy::cpu::blocked::depthwise {

/// Whether the functions below can do it: as many filters [K,1,R,S] as channels, more than one, without dilation.
bool possible(const Shape& x, const Shape& w, const Window& window);

/// The three passes, with the operands of the functions in kernels.h, checked and not empty. mask: laid out as dy, or nullptr.
void forward(BlockedView<const float> x, View<const float> w, View<const float> b, BlockedView<float> y, const Window& window,
             const Epilogue& epilogue);
void backward_input(BlockedView<const float> dy, const float* mask, View<const float> w, BlockedView<float> dx,
                    const Window& window);
void backward_weights(BlockedView<const float> dy, const float* mask, BlockedView<const float> x, View<float> dw, View<float> db,
                      const Window& window);

}  // namespace convoy::cpu::blocked::depthwise
