/// Small values that kernels take and return besides tensors.
#pragma once

#include <cstdint>

namespace convoy::cpu {

/// Where Dropout draws from. An element (n, c, h, w) is dropped when
/// unit_interval(random_bits(seed, step, node, first_sample + n, first_channel + c, first_row + h, w)) < probability.
/// The three `first_` are where this tensor lies in that of the whole batch, so that every part drops what the whole would.
struct DropoutKey {
  std::uint64_t seed = 0;
  std::int64_t step = 0;          ///< training step, so that every step drops others
  int node = 0;                   ///< index of the node in the model
  std::int64_t first_sample = 0;  ///< index in the *global* batch of sample 0 of this tensor
  int first_channel = 0;          ///< index in the whole tensor of channel 0 of this one
  int first_row = 0;              ///< index in the whole image of row 0 of this tensor
};

/// A block of n samples, c channels and h whole rows, and where it lies in two tensors whose rows are equally long.
struct Part {
  int from_n = 0, from_c = 0, from_h = 0;
  int to_n = 0, to_c = 0, to_h = 0;
  int n = 0, c = 0, h = 0;
};

/// What the loss layer reports besides its output; both are sums over the samples it was given, so ranks can add theirs.
struct Loss {
  double loss_sum = 0;  ///< sum of -log p[label], natural logarithm, smoothed and weighted as the layer says
  int correct = 0;      ///< samples whose label is the first of the largest logits
  Loss& operator+=(const Loss& other) {
    loss_sum += other.loss_sum;
    correct += other.correct;
    return *this;
  }
};

/// Stochastic gradient descent with momentum and L2 weight decay, as PyTorch's SGD defines them; see naive/sgd.h.
struct SgdSettings {
  double learning_rate = 0.01;
  double momentum = 0;
  double weight_decay = 0;
  bool nesterov = false;  ///< look ahead: the step is the gradient plus momentum times the new v; needs momentum above 0
  double scale = 1;       ///< of gradient and decay together, before they go into v: the rate of one tensor under LARS
};

}  // namespace convoy::cpu
