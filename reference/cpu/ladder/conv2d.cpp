#include "reference/cpu/blocked/kernels.h"
#include "reference/cpu/ladder/conv2d/1_naive.h"
#include "reference/cpu/ladder/conv2d/2_rows.h"
#include "reference/cpu/ladder/conv2d/3_blocked_layout.h"
#include "reference/cpu/ladder/conv2d/4_register_tile.h"
#include "reference/cpu/ladder/conv2d/5_winograd.h"
#include "reference/cpu/ladder/rung.h"

namespace convoy::cpu::ladder {
namespace {

const Window& window_of(const Layer& layer) { return std::get<Conv2d>(layer).window; }

constexpr Rung kRungs[] = {
    {1, "the definition: seven loops", [](const Layer& l, const Operands& o) { conv2d_1_naive(o.x, o.w, o.y, window_of(l)); }},
    {2, "columns inside: neighbours share a weight",
     [](const Layer& l, const Operands& o) { conv2d_2_rows(o.x, o.w, o.y, window_of(l)); }},
    {3, "16 channels of a pixel together: sums in registers",
     [](const Layer& l, const Operands& o) { conv2d_3_blocked_layout(o.x_blocked, o.w, o.y_blocked, window_of(l)); }, true},
    {4, "a tile of 14 pixels x 32 filters in registers",
     [](const Layer& l, const Operands& o) { conv2d_4_register_tile(o.x_blocked, o.w, o.y_blocked, window_of(l)); }, true},
    {5, "Winograd: 36 products for 16 outputs instead of 144",
     [](const Layer& l, const Operands& o) { conv2d_5_winograd(o.x_blocked, o.w, o.y_blocked, window_of(l)); }, true},
    {6, "the library: blocks that stay in the second cache",
     [](const Layer& l, const Operands& o) { blocked::conv2d_forward(o.x_blocked, o.w, {}, o.y_blocked, window_of(l)); }, true},
};

std::vector<Size> measured() {
  return {{Conv2d{64, square_window(3, 1, 1), false}, {1, 64, 56, 56}, "ResNet-50, stage 1"},
          {Conv2d{256, square_window(3, 1, 1), false}, {1, 256, 14, 14}, "ResNet-50, stage 3"},
          {Conv2d{512, square_window(1), false}, {1, 128, 28, 28}, "ResNet-50, stage 2, 1x1"}};
}

std::vector<Size> checked() {
  return {{Conv2d{7, square_window(3, 1, 1), false}, {2, 5, 9, 11}, ""},
          {Conv2d{33, square_window(3, 1, 1), false}, {1, 17, 14, 15}, ""},
          {Conv2d{48, square_window(5, 1, 2), false}, {2, 3, 13, 29}, ""},
          {Conv2d{50, square_window(1), false}, {1, 40, 7, 7}, ""}};
}

}  // namespace

const Ladder conv2d = {"conv2d", "y = x (*) w: [N,C,H,W] (*) [K,C,R,S], 2 N K P Q C R S FLOPs", kRungs, measured, checked};

}  // namespace convoy::cpu::ladder
