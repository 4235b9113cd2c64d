#include "reference/cpu/blocked/kernels.h"
#include "reference/cpu/ladder/max_pool2d/1_naive.h"
#include "reference/cpu/ladder/max_pool2d/2_rows.h"
#include "reference/cpu/ladder/max_pool2d_backward_input/1_naive.h"
#include "reference/cpu/ladder/max_pool2d_backward_input/2_lanes.h"
#include "reference/cpu/ladder/rung.h"

namespace convoy::cpu::ladder {
namespace {

const Window& window_of(const Layer& layer) { return std::get<MaxPool2d>(layer).window; }

constexpr Rung kForwardRungs[] = {
    {1, "the definition: a branch for every value",
     [](const Layer& l, const Operands& o) { max_pool2d_1_naive(o.x, o.y, window_of(l)); }},
    {2, "columns first, a whole row at a time",
     [](const Layer& l, const Operands& o) { max_pool2d_2_rows(o.x, o.y, window_of(l)); }},
    {3, "the library: 16 channels of a pixel together",
     [](const Layer& l, const Operands& o) { blocked::max_pool2d_forward(o.x_blocked, o.y_blocked, window_of(l)); }, true},
};

constexpr Rung kBackwardRungs[] = {
    {1, "the definition: find it again, and add there",
     [](const Layer& l, const Operands& o) { max_pool2d_backward_input_1_naive(o.dy, o.x, o.dx, window_of(l)); }},
    {2, "16 channels side by side: masks, no branch",
     [](const Layer& l, const Operands& o) {
       max_pool2d_backward_input_2_lanes(o.dy_blocked, o.x_blocked, o.dx_blocked, window_of(l));
     },
     true},
    {3, "the library: 2 x 2 windows side by side add nothing",
     [](const Layer& l, const Operands& o) {
       blocked::max_pool2d_backward_input(o.dy_blocked, o.x_blocked, o.dx_blocked, window_of(l));
     },
     true},
};

std::vector<Size> measured() {
  return {{MaxPool2d{square_window(2, 2)}, {1, 64, 224, 224}, "VGG-16, pool1"},
          {MaxPool2d{square_window(3, 2, 1)}, {4, 64, 112, 112}, "ResNet-50, pool"}};
}

std::vector<Size> checked() {
  return {{MaxPool2d{square_window(2, 2)}, {2, 5, 9, 12}, ""},
          {MaxPool2d{square_window(3, 2, 1)}, {1, 33, 14, 15}, ""},
          {MaxPool2d{square_window(3, 1, 1)}, {2, 17, 7, 8}, ""}};
}

}  // namespace

const Ladder max_pool2d = {"max_pool2d", "y = largest x of each window, [N,C,H,W] to [N,C,P,Q]", kForwardRungs, measured,
                           checked};
const Ladder max_pool2d_backward_input = {
    "max_pool2d_backward_input", "dx = dy where x was the largest, else 0", kBackwardRungs, measured, checked,
    Pass::backward_input};

}  // namespace convoy::cpu::ladder
