/// Rung 3: sixteen filters of a pixel lie together, so that a vector of dy times one x is a term of sixteen filters at once: no
/// rest at the end of a row, nothing to add up between lanes. Still one chain of additions, each waiting for the one before.
#pragma once

#include "reference/cpu/ladder/conv2d_backward_weights/outer_products.h"

namespace convoy::cpu::ladder {

/// See conv2d_backward_weights_outer().
inline void conv2d_backward_weights_3_blocked_layout(blocked::BlockedView<const float> dy, blocked::BlockedView<const float> x,
                                                     View<float> dw, const Window& window) {
  conv2d_backward_weights_outer<1>(dy, x, dw, window);
}

}  // namespace convoy::cpu::ladder
