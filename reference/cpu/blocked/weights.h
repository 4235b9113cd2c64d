/// The gradient of filters, dw[k,c,r,s] += sum over images and pixels of dy[k,p,q] x[c, p stride + r, q stride + s].
#pragma once

#include "reference/cpu/blocked/kernels.h"
#include "reference/cpu/blocked/taps.h"

namespace convoy::cpu::blocked {

struct WeightGradient {
  BlockedView<const float> dy;
  const float* mask = nullptr;  ///< y of a fused ReLU, or nullptr
  Planes<const float> x;        ///< of the whole layer: blocked, or plain images
  int channels = 0;             ///< of x
  View<float> dw;
  View<float> db;
  Window window;
  int groups = 1;
};

/// Whether there is a fast way: for all blocked x, and for plain x with windows of 1, 3, 5, 7 or 11 columns without groups.
bool has_weight_gradient(const WeightGradient& job);
/// Accumulates into dw and db.
void run(const WeightGradient& job);

/// Groups that are treated together, so that their channels and filters are whole blocks; weights between them count as 0.
int groups_of_bundle(int channels_a_group, int filters_a_group, int groups);

}  // namespace convoy::cpu::blocked
