/// Softmax and cross entropy in plain loops.
#pragma once

#include <cmath>

#include "reference/core/tensor.h"
#include "reference/cpu/checks.h"
#include "reference/cpu/types.h"

namespace convoy::cpu::naive {

/// y[n,c] = exp(x[n,c] - m) / z with m = largest x[n,:] and z = sum over c of exp(x[n,c] - m)
/// loss_sum = weight * sum over n of -sum over c of target[n,c] log y[n,c], where target = 1 - smoothing at the label plus
/// smoothing / C everywhere and -log y[n,c] = log z - (x[n,c] - m)
/// Subtracting m changes nothing in exact arithmetic and keeps exp from overflowing. x, y: [N,C,1,1]; y overwritten.
template <class T>
Loss softmax_cross_entropy_forward(View<const T> x, std::span<const int> labels, View<T> y, const SoftmaxCrossEntropy& layer) {
  check_labels("naive::softmax_cross_entropy_forward", x.shape, labels);
  check_shape("naive::softmax_cross_entropy_forward", "y", y.shape, x.shape);
  Loss loss;
  for (int n = 0; n < x.shape.n; ++n) {
    const int label = labels[static_cast<std::size_t>(n)];
    T largest = x(n, 0, 0, 0);
    for (int c = 1; c < x.shape.c; ++c) largest = std::max(largest, x(n, c, 0, 0));
    T sum{};
    for (int c = 0; c < x.shape.c; ++c) sum += std::exp(x(n, c, 0, 0) - largest);
    bool correct = true;  // every comparison is false with a NaN, so a NaN is never right
    for (int c = 0; c < x.shape.c; ++c)
      correct = correct && (c < label ? x(n, c, 0, 0) < x(n, label, 0, 0) : x(n, c, 0, 0) <= x(n, label, 0, 0));
    loss.correct += correct ? 1 : 0;
    T mean{};
    for (int c = 0; c < x.shape.c; ++c) mean += (x(n, c, 0, 0) - largest) / static_cast<T>(x.shape.c);
    const auto smoothing = static_cast<T>(layer.label_smoothing);
    const T target = (1 - smoothing) * (x(n, label, 0, 0) - largest) + smoothing * mean;
    loss.loss_sum += layer.weight * static_cast<double>(std::log(sum) - target);
    for (int c = 0; c < x.shape.c; ++c) y(n, c, 0, 0) = std::exp(x(n, c, 0, 0) - largest) / sum;
  }
  return loss;
}

/// dx[n,c] = (y[n,c] - target[n,c]) * weight * scale, scale being 1 / (samples of the global batch)
/// y, dx: [N,C,1,1]; dx overwritten.
template <class T>
void softmax_cross_entropy_backward_input(View<const T> y, std::span<const int> labels, View<T> dx,
                                          const SoftmaxCrossEntropy& layer, double scale) {
  check_labels("naive::softmax_cross_entropy_backward_input", y.shape, labels);
  check_shape("naive::softmax_cross_entropy_backward_input", "dx", dx.shape, y.shape);
  for (int n = 0; n < y.shape.n; ++n) {
    for (int c = 0; c < y.shape.c; ++c) {
      const double one = c == labels[static_cast<std::size_t>(n)] ? 1 - layer.label_smoothing : 0;
      const double target = one + layer.label_smoothing / y.shape.c;
      dx(n, c, 0, 0) = (y(n, c, 0, 0) - static_cast<T>(target)) * static_cast<T>(layer.weight * scale);
    }
  }
}

}  // namespace convoy::cpu::naive
