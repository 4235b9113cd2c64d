/// The sum of several tensors in plain loops: Add forward, and where the gradients of a fork meet.
#pragma once

#include <span>

#include "reference/core/error.h"
#include "reference/core/tensor.h"
#include "reference/cpu/checks.h"

namespace convoy::cpu::naive {

/// y = x0 + x1 + ..., from left to right. All shapes are one; there is at least one x; y is overwritten and may be x0.
template <class T>
void sum(std::span<const View<const T>> xs, View<T> y) {
  require(!xs.empty(), "naive::sum", "nothing to add");
  for (const View<const T>& x : xs) check_shape("naive::sum", "x", x.shape, y.shape);
  for (std::int64_t i = 0; i < y.count(); ++i) {
    T total = xs[0].data[i];
    for (std::size_t j = 1; j < xs.size(); ++j) total += xs[j].data[i];
    y.data[i] = total;
  }
}

}  // namespace convoy::cpu::naive
