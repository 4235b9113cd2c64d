#include "reference/cpu/kernels.h"
#include "reference/cpu/ladder/linear_backward_input/1_naive.h"
#include "reference/cpu/ladder/linear_backward_input/2_rows.h"
#include "reference/cpu/ladder/linear_backward_input/3_samples_together.h"
#include "reference/cpu/ladder/linear_backward_weights/1_naive.h"
#include "reference/cpu/ladder/linear_backward_weights/2_rows.h"
#include "reference/cpu/ladder/linear_backward_weights/3_all_samples_at_once.h"
#include "reference/cpu/ladder/rung.h"

namespace convoy::cpu::ladder {
namespace {

constexpr Rung kInputRungs[] = {
    {1, "the definition: sums down the columns of w",
     [](const Layer&, const Operands& o) { linear_backward_input_1_naive(o.dy, o.w, o.dx); }},
    {2, "along the rows of w", [](const Layer&, const Operands& o) { linear_backward_input_2_rows(o.dy, o.w, o.dx); }},
    {3, "4 samples x 64 inputs in registers",
     [](const Layer&, const Operands& o) { linear_backward_input_3_samples_together(o.dy, o.w, o.dx); }},
    {4, "the library: sixteen rows of w at a time",
     [](const Layer&, const Operands& o) { cpu::linear_backward_input(o.dy, o.w, o.dx); }},
};

constexpr Rung kWeightRungs[] = {
    {1, "the definition: sums over the samples",
     [](const Layer&, const Operands& o) { linear_backward_weights_1_naive(o.dy, o.x, o.dw); }},
    {2, "along the rows of dw, sample by sample",
     [](const Layer&, const Operands& o) { linear_backward_weights_2_rows(o.dy, o.x, o.dw); }},
    {3, "all samples while dw is in registers",
     [](const Layer&, const Operands& o) { linear_backward_weights_3_all_samples_at_once(o.dy, o.x, o.dw); }},
    {4, "the library: wider tiles, dw fetched ahead",
     [](const Layer&, const Operands& o) { cpu::linear_backward_weights(o.dy, o.x, o.dw, {}); }},
};

std::vector<Size> measured() {
  return {{Linear{4096}, {4, 9216, 1, 1}, "AlexNet, fc6, 4 images"},
          {Linear{1000}, {64, 2048, 1, 1}, "ResNet-50, fc, 64 images"}};
}

std::vector<Size> checked() {
  return {{Linear{13}, {5, 29, 1, 1}, ""},
          {Linear{37}, {1, 400, 1, 1}, ""},
          {Linear{6}, {9, 7, 1, 1}, ""},
          {Linear{18}, {6, 150, 1, 1}, ""}};
}

}  // namespace

const Ladder linear_backward_input = {
    "linear_backward_input", "dx = dy w: [N,K] x [K,C], 2 N K C FLOPs", kInputRungs, measured, checked, Pass::backward_input};
const Ladder linear_backward_weights = {
    "linear_backward_weights", "dw += dy^T x: [K,N] x [N,C], 2 N K C FLOPs", kWeightRungs, measured, checked,
    Pass::backward_weights};

}  // namespace convoy::cpu::ladder
