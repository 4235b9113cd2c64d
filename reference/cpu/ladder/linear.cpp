#include "reference/cpu/kernels.h"
#include "reference/cpu/ladder/linear/1_naive.h"
#include "reference/cpu/ladder/linear/2_lanes.h"
#include "reference/cpu/ladder/linear/3_samples_together.h"
#include "reference/cpu/ladder/rung.h"

namespace convoy::cpu::ladder {
namespace {

constexpr Rung kRungs[] = {
    {1, "the definition: one sum after another", [](const Layer&, const Operands& o) { linear_1_naive(o.x, o.w, o.b, o.y); }},
    {2, "sixteen sums side by side", [](const Layer&, const Operands& o) { linear_2_lanes(o.x, o.w, o.b, o.y); }},
    {3, "4 samples x 4 outputs: a weight serves four samples",
     [](const Layer&, const Operands& o) { linear_3_samples_together(o.x, o.w, o.b, o.y); }},
    {4, "the library", [](const Layer&, const Operands& o) { linear_forward(o.x, o.w, o.b, o.y); }},
};

std::vector<Size> measured() {
  return {{Linear{4096}, {4, 9216, 1, 1}, "AlexNet, fc6, 4 images"},
          {Linear{1000}, {64, 2048, 1, 1}, "ResNet-50, fc, 64 images"}};
}

std::vector<Size> checked() {
  return {{Linear{13}, {5, 29, 1, 1}, ""}, {Linear{37}, {1, 400, 1, 1}, ""}, {Linear{6}, {9, 7, 1, 1}, ""}};
}

}  // namespace

const Ladder linear = {"linear", "y = x w^T + b: [N,C] x [K,C], 2 N K C FLOPs", kRungs, measured, checked};

}  // namespace convoy::cpu::ladder
