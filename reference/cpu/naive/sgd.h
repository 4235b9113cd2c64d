/// Stochastic gradient descent in plain loops.
#pragma once

#include <span>

#include "reference/cpu/checks.h"
#include "reference/cpu/types.h"

namespace convoy::cpu::naive {

/// v = momentum * v + (dw + weight_decay * w)
/// w = w - learning_rate * v
/// The rule of PyTorch's SGD without dampening. v is kept in `momentum`, zeros before the first step; it may be empty when
/// settings.momentum is 0. All spans have one length.
template <class T>
void sgd_update(std::span<T> w, std::span<const T> dw, std::span<T> momentum, const SgdSettings& settings) {
  check_sgd("naive::sgd_update", w.size(), dw.size(), momentum.size(), settings.momentum);
  for (std::size_t i = 0; i < w.size(); ++i) {
    T v = dw[i] + static_cast<T>(settings.weight_decay) * w[i];
    if (!momentum.empty()) {
      v += static_cast<T>(settings.momentum) * momentum[i];
      momentum[i] = v;
    }
    w[i] -= static_cast<T>(settings.learning_rate) * v;
  }
}

}  // namespace convoy::cpu::naive
