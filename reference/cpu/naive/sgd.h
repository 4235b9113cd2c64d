/// Stochastic gradient descent in plain loops.
#pragma once

#include <span>

#include "reference/cpu/checks.h"
#include "reference/cpu/types.h"

namespace convoy::cpu::naive {

/// g = scale * (dw + weight_decay * w)
/// v = momentum * v + g
/// w = w - learning_rate * v, or with nesterov: w = w - learning_rate * (g + momentum * v)
/// The rule of PyTorch's SGD without dampening. v is kept in `momentum`, zeros before the first step; it may be empty when
/// settings.momentum is 0. All spans have one length. Source: torch.optim.SGD; Sutskever et al. 2013 for the rule of Nesterov.
template <class T>
void sgd_update(std::span<T> w, std::span<const T> dw, std::span<T> momentum, const SgdSettings& settings) {
  check_sgd("naive::sgd_update", w.size(), dw.size(), momentum.size(), settings.momentum);
  for (std::size_t i = 0; i < w.size(); ++i) {
    const T g = static_cast<T>(settings.scale) * (dw[i] + static_cast<T>(settings.weight_decay) * w[i]);
    T step = g;
    if (!momentum.empty()) {
      const T v = static_cast<T>(settings.momentum) * momentum[i] + g;
      momentum[i] = v;
      step = settings.nesterov ? g + static_cast<T>(settings.momentum) * v : v;
    }
    w[i] -= static_cast<T>(settings.learning_rate) * step;
  }
}

}  // namespace convoy::cpu::naive
