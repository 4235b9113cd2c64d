#include "reference/cpu/blocked/kernels.h"
#include "reference/cpu/ladder/depthwise/1_naive.h"
#include "reference/cpu/ladder/depthwise/2_blocked_layout.h"
#include "reference/cpu/ladder/depthwise/3_pixels_together.h"
#include "reference/cpu/ladder/rung.h"

namespace convoy::cpu::ladder {
namespace {

const Window& window_of(const Layer& layer) { return std::get<Conv2d>(layer).window; }

constexpr Rung kRungs[] = {
    {1, "the definition: a sum of few products for every output",
     [](const Layer& l, const Operands& o) { depthwise_1_naive(o.x, o.w, o.y, window_of(l)); }},
    {2, "16 channels of a pixel together, and their 16 weights",
     [](const Layer& l, const Operands& o) { depthwise_2_blocked_layout(o.x_blocked, o.w, o.y_blocked, window_of(l)); }, true},
    {3, "four pixels share a weight, zeros around x",
     [](const Layer& l, const Operands& o) { depthwise_3_pixels_together(o.x_blocked, o.w, o.y_blocked, window_of(l)); }, true},
    {4, "the library: a plane at a time, in the first cache",
     [](const Layer& l, const Operands& o) { blocked::conv2d_forward(o.x_blocked, o.w, {}, o.y_blocked, window_of(l)); }, true},
};

/// A filter for each channel.
Conv2d depthwise_of(int channels, const Window& window) {
  return {.out_channels = channels, .window = window, .bias = false, .groups = channels};
}

std::vector<Size> measured() {
  return {{depthwise_of(128, square_window(3, 1, 1)), {4, 128, 56, 56}, "MobileNet-V1, 56 x 56"},
          {depthwise_of(512, square_window(3, 1, 1)), {4, 512, 14, 14}, "MobileNet-V1, 14 x 14"}};
}

std::vector<Size> checked() {
  return {{depthwise_of(5, square_window(3, 1, 1)), {2, 5, 9, 11}, ""},
          {depthwise_of(33, square_window(5, 1, 2)), {1, 33, 7, 13}, ""},
          {depthwise_of(16, square_window(3)), {1, 16, 8, 6}, ""}};
}

}  // namespace

const Ladder depthwise = {"depthwise", "y[c] = x[c] (*) w[c]: a convolution of every channel by itself, 2 N C P Q R S FLOPs", kRungs,
                          measured, checked};

}  // namespace convoy::cpu::ladder
