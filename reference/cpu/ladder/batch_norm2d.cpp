#include "reference/cpu/blocked/kernels.h"
#include "reference/cpu/ladder/batch_norm2d/1_three_passes.h"
#include "reference/cpu/ladder/batch_norm2d/2_one_pass_of_sums.h"
#include "reference/cpu/ladder/rung.h"

namespace convoy::cpu::ladder {
namespace {

double epsilon_of(const Layer& layer) { return std::get<BatchNorm2d>(layer).epsilon; }

/// The library reads the sums that the convolution before it has made, in its registers; here it makes them itself.
void library(const Layer& layer, const Operands& o) {
  std::vector<double> sums(static_cast<std::size_t>(2 * o.x.shape.c + 1));
  blocked::batch_norm2d_statistics(o.x_blocked, sums);
  blocked::batch_norm2d_forward(o.x_blocked, {}, o.w, o.b, sums, epsilon_of(layer), false, o.y_blocked);
}

constexpr Rung kRungs[] = {
    {1, "the definition: three passes over x",
     [](const Layer& l, const Operands& o) { batch_norm2d_1_three_passes(o.x, epsilon_of(l), o.y); }},
    {2, "sums of x and x^2 together, 16 channels side by side",
     [](const Layer& l, const Operands& o) { batch_norm2d_2_one_pass_of_sums(o.x_blocked, epsilon_of(l), o.y_blocked); }, true},
    {3, "the library", library, true},
};

std::vector<Size> measured() {
  return {{BatchNorm2d{}, {4, 64, 56, 56}, "ResNet-50, stage 1"}, {BatchNorm2d{}, {4, 1024, 14, 14}, "ResNet-50, stage 3"}};
}

std::vector<Size> checked() { return {{BatchNorm2d{}, {3, 5, 7, 9}, ""}, {BatchNorm2d{0.125}, {1, 33, 5, 6}, ""}}; }

}  // namespace

const Ladder batch_norm2d = {"batch_norm2d", "y = (x - mean) / deviation by channel, [N,C,H,W]", kRungs, measured, checked};

}  // namespace convoy::cpu::ladder
