/// Rung 4: a tile of sixteen filters by sixteen channels in registers. A vector of dy that is loaded meets all sixteen channels
/// of its pixel, and sixteen sums that do not depend on each other keep the multipliers busy. But dy and x pass by once for every
/// element of the window, from whatever cache holds them: the library takes blocks of rows that stay in the first.
#pragma once

#include "reference/cpu/ladder/conv2d_backward_weights/outer_products.h"

namespace convoy::cpu::ladder {

/// See conv2d_backward_weights_outer().
inline void conv2d_backward_weights_4_register_tile(blocked::BlockedView<const float> dy, blocked::BlockedView<const float> x,
                                                    View<float> dw, const Window& window) {
  conv2d_backward_weights_outer<blocked::kBlock>(dy, x, dw, window);
}

}  // namespace convoy::cpu::ladder
