/// Stochastic gradient descent in plain loops.
#pragma once

#include <array>
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

/// The sum of the squares of all values, in double. Eight partial sums, so that it takes as long as reading them.
template <class T>
double sum_of_squares(std::span<const T> values) {
  std::array<double, 8> sums{};
  std::size_t i = 0;
  for (; i + sums.size() <= values.size(); i += sums.size())
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += static_cast<double>(values[i + k]) * static_cast<double>(values[i + k]);
  for (std::size_t k = 0; i < values.size(); ++i, ++k) sums[k] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

}  // namespace convoy::cpu::naive
