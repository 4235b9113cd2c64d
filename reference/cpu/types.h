/// Small values that kernels take and return besides tensors.
#pragma once

#include <cstdint>

namespace convoy::cpu {

/// Where Dropout draws from. An element (n, c, h, w) is dropped when
/// unit_interval(random_bits(seed, step, node, first_sample + n, c, h, w)) < probability.
struct DropoutKey {
  std::uint64_t seed = 0;
  std::int64_t step = 0;          ///< training step, so that every step drops others
  int node = 0;                   ///< index of the node in the model
  std::int64_t first_sample = 0;  ///< index in the *global* batch of sample 0 of this tensor
};

/// What the loss layer reports besides its output; both are sums over the samples it was given, so ranks can add theirs.
struct Loss {
  double loss_sum = 0;  ///< sum of -log p[label], natural logarithm
  int correct = 0;      ///< samples whose label is the first of the largest logits
};

/// Stochastic gradient descent with momentum and L2 weight decay, as PyTorch's SGD defines them.
struct SgdSettings {
  double learning_rate = 0.01;
  double momentum = 0;
  double weight_decay = 0;
};

}  // namespace convoy::cpu
