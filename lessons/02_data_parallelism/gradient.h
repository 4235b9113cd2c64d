/// The smallest network that learns: one linear layer and the loss, as the plain kernels compute them.
#pragma once

#include <cmath>
#include <span>
#include <vector>

#include "reference/core/shard.h"
#include "reference/core/tensor.h"
#include "reference/cpu/naive/kernels.h"

namespace convoy::lesson {

inline constexpr int kInputs = 6;
inline constexpr int kClasses = 3;

/// Images with their labels, and the weights that they meet.
struct Batch {
  Tensor<double> x;         ///< [N,kInputs,1,1]
  std::vector<int> labels;  ///< N
  Tensor<double> weight;    ///< [kClasses,kInputs,1,1]
};

/// `images` images that are all different.
inline Batch make_batch(int images) {
  Batch p{Tensor<double>({images, kInputs, 1, 1}), {}, Tensor<double>({kClasses, kInputs, 1, 1})};
  for (std::int64_t i = 0; i < p.x.count(); ++i) p.x.data()[i] = std::sin(1.7 * static_cast<double>(i) + 0.3);
  for (std::int64_t i = 0; i < p.weight.count(); ++i) p.weight.data()[i] = 0.5 * std::cos(2.3 * static_cast<double>(i));
  for (int n = 0; n < images; ++n) p.labels.push_back(n * n % kClasses);
  return p;
}

using Gradient = std::vector<double>;

/// dw = scale * sum over n in `mine` of the gradient of image n's loss. `scale` is what the loss layer hands to backward.
inline Gradient gradient_of(const Batch& p, const Slice& mine, double scale) {
  const int images = static_cast<int>(mine.count);
  const View<const double> x{p.x.data() + mine.offset * kInputs, {images, kInputs, 1, 1}};
  const std::span<const int> labels =
      std::span(p.labels).subspan(static_cast<std::size_t>(mine.offset), static_cast<std::size_t>(mine.count));
  Tensor<double> y({images, kClasses, 1, 1});
  Tensor<double> probabilities(y.shape());
  Tensor<double> dy(y.shape());
  Tensor<double> dw(p.weight.shape());
  cpu::naive::linear_forward<double>(x, p.weight.view(), {}, y.view());
  cpu::naive::softmax_cross_entropy_forward<double>(y.view(), labels, probabilities.view(), {});
  cpu::naive::softmax_cross_entropy_backward_input<double>(probabilities.view(), labels, dy.view(), {}, scale);
  cpu::naive::linear_backward_weights<double>(dy.view(), x, dw.view(), {});
  return {dw.span().begin(), dw.span().end()};
}

/// sum += factor * term.
inline void add(double factor, const Gradient& term, Gradient& sum) {
  sum.resize(term.size(), 0.0);
  for (std::size_t i = 0; i < term.size(); ++i) sum[i] += factor * term[i];
}

}  // namespace convoy::lesson
