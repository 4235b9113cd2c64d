#include "reference/cpu/blocked/kernels.h"
#include "reference/cpu/ladder/conv2d_backward_input/1_naive.h"
#include "reference/cpu/ladder/conv2d_backward_input/2_rows.h"
#include "reference/cpu/ladder/conv2d_backward_input/3_turned_filters.h"
#include "reference/cpu/ladder/conv2d_backward_input/4_winograd.h"
#include "reference/cpu/ladder/conv2d_backward_weights/1_naive.h"
#include "reference/cpu/ladder/conv2d_backward_weights/2_lanes.h"
#include "reference/cpu/ladder/conv2d_backward_weights/3_blocked_layout.h"
#include "reference/cpu/ladder/conv2d_backward_weights/4_register_tile.h"
#include "reference/cpu/ladder/conv2d_backward_weights/5_winograd.h"
#include "reference/cpu/ladder/rung.h"

namespace convoy::cpu::ladder {
namespace {

const Window& window_of(const Layer& layer) { return std::get<Conv2d>(layer).window; }

constexpr Rung kInputRungs[] = {
    {1, "the definition: seven loops that add to dx",
     [](const Layer& l, const Operands& o) { conv2d_backward_input_1_naive(o.dy, o.w, o.dx, window_of(l)); }},
    {2, "columns inside: neighbours share a weight",
     [](const Layer& l, const Operands& o) { conv2d_backward_input_2_rows(o.dy, o.w, o.dx, window_of(l)); }},
    {3, "forward's register tile, filters turned round",
     [](const Layer& l, const Operands& o) {
       conv2d_backward_input_3_turned_filters(o.dy_blocked, o.w, o.dx_blocked, window_of(l));
     },
     true},
    {4, "Winograd: 36 products for 16 outputs instead of 144",
     [](const Layer& l, const Operands& o) {
       conv2d_backward_input_4_winograd(o.dy_blocked, o.w, o.dx_blocked, window_of(l));
     },
     true},
    {5, "the library: blocks that stay in the second cache",
     [](const Layer& l, const Operands& o) { blocked::conv2d_backward_input(o.dy_blocked, o.w, o.dx_blocked, window_of(l)); },
     true},
};

constexpr Rung kWeightRungs[] = {
    {1, "the definition: one long sum for every weight",
     [](const Layer& l, const Operands& o) { conv2d_backward_weights_1_naive(o.dy, o.x, o.dw, window_of(l)); }},
    {2, "sixteen columns side by side",
     [](const Layer& l, const Operands& o) { conv2d_backward_weights_2_lanes(o.dy, o.x, o.dw, window_of(l)); }},
    {3, "16 filters of a pixel together",
     [](const Layer& l, const Operands& o) {
       conv2d_backward_weights_3_blocked_layout(o.dy_blocked, o.x_blocked, o.dw, window_of(l));
     }},
    {4, "a tile of 16 filters x 16 channels in registers",
     [](const Layer& l, const Operands& o) {
       conv2d_backward_weights_4_register_tile(o.dy_blocked, o.x_blocked, o.dw, window_of(l));
     }},
    {5, "Winograd: 36 products for 16 outputs instead of 144",
     [](const Layer& l, const Operands& o) {
       conv2d_backward_weights_5_winograd(o.dy_blocked, o.x_blocked, o.dw, window_of(l));
     }},
    {6, "the library: blocks that stay in the first cache",
     [](const Layer& l, const Operands& o) {
       blocked::conv2d_backward_weights(o.dy_blocked, o.x_blocked, o.dw, {}, window_of(l));
     }},
};

std::vector<Size> measured() {
  return {{Conv2d{64, square_window(3, 1, 1), false}, {1, 64, 56, 56}, "ResNet-50, stage 1"},
          {Conv2d{512, square_window(1), false}, {1, 128, 28, 28}, "ResNet-50, stage 2, 1x1"}};
}

std::vector<Size> checked() {
  return {{Conv2d{7, square_window(3, 1, 1), false}, {2, 5, 9, 11}, ""},
          {Conv2d{33, square_window(3, 1, 1), false}, {1, 17, 14, 15}, ""},
          {Conv2d{48, square_window(5, 1, 2), false}, {2, 3, 13, 29}, ""},
          {Conv2d{20, square_window(5), false}, {2, 6, 14, 14}, ""},
          {Conv2d{50, square_window(1), false}, {1, 40, 7, 7}, ""}};
}

}  // namespace

const Ladder conv2d_backward_input = {
    "conv2d_backward_input", "dx = dy (*) w transposed, 2 N K P Q C R S FLOPs", kInputRungs, measured, checked,
    Pass::backward_input};
const Ladder conv2d_backward_weights = {
    "conv2d_backward_weights", "dw += dy (*) x, 2 N K P Q C R S FLOPs", kWeightRungs, measured, checked, Pass::backward_weights};

}  // namespace convoy::cpu::ladder
