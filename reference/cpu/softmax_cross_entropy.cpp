#include <cmath>
#include <vector>

#include "reference/cpu/checks.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/matrix.h"
#include "reference/cpu/parallel.h"

namespace convoy::cpu {
namespace {

/// True when the label is the first of the largest logits. A NaN anywhere makes it false.
bool is_correct(const float* x, int classes, int label) {
  bool correct = true;
  for (int c = 0; c < label; ++c) correct &= x[c] < x[label];
  for (int c = label; c < classes; ++c) correct &= x[c] <= x[label];
  return correct;
}

/// y = exp(x - max x) / sum; returns -sum of target log y from the logits, so that it is finite where y underflows.
double softmax(const float* x, int classes, int label, double smoothing, float* y) {
  const ConstRowMap logits(x, classes);
  RowMap probabilities(y, classes);
  const float largest = logits.maxCoeff<Eigen::PropagateNaN>();
  double target_logit = double{x[label]} - double{largest};
  if (smoothing > 0) {
    const double mean = logits.cast<double>().mean() - double{largest};
    target_logit = (1 - smoothing) * target_logit + smoothing * mean;
  }
  probabilities = (logits - largest).exp();
  const float sum = probabilities.sum();
  probabilities *= 1.0F / sum;
  return std::log(double{sum}) - target_logit;
}

/// Samples that are worth a thread: an exponential is about ten times an addition.
std::int64_t sample_grain(int classes) { return kElementGrain / 8 / classes + 1; }

}  // namespace

Loss softmax_cross_entropy_forward(View<const float> x, std::span<const int> labels, View<float> y,
                                   const SoftmaxCrossEntropy& loss) {
  check_labels("softmax_cross_entropy_forward", x.shape, labels);
  check_shape("softmax_cross_entropy_forward", "y", y.shape, x.shape);
  const int classes = x.shape.c;
  thread_local std::vector<Loss> kept;  // a step allocates nothing
  std::vector<Loss>& of_samples = kept;  // the caller's; added in their order below, so the sum does not depend on the threads
  of_samples.assign(labels.size(), {});
  parallel_slices(x.shape.n, sample_grain(classes), [&](Slice slice) {
    for (std::int64_t n = slice.offset; n < slice.end(); ++n) {
      const int label = labels[static_cast<std::size_t>(n)];
      const float* logits = x.data + n * classes;
      const bool correct = is_correct(logits, classes, label);  // before y is written: it may be x
      const double nll = softmax(logits, classes, label, loss.label_smoothing, y.data + n * classes);
      of_samples[static_cast<std::size_t>(n)] = {loss.weight * nll, correct ? 1 : 0};
    }
  });
  Loss total;
  for (const Loss& sample : of_samples) {
    total.loss_sum += sample.loss_sum;
    total.correct += sample.correct;
  }
  return total;
}

void softmax_cross_entropy_backward_input(View<const float> y, std::span<const int> labels, View<float> dx,
                                          const SoftmaxCrossEntropy& loss, double scale) {
  check_labels("softmax_cross_entropy_backward_input", y.shape, labels);
  check_shape("softmax_cross_entropy_backward_input", "dx", dx.shape, y.shape);
  const int classes = y.shape.c;
  const auto factor = static_cast<float>(loss.weight * scale);
  const auto everywhere = static_cast<float>(loss.label_smoothing / classes);
  const auto at_label = static_cast<float>(1 - loss.label_smoothing + loss.label_smoothing / classes);
  parallel_slices(y.shape.n, sample_grain(classes), [&](Slice slice) {
    for (std::int64_t n = slice.offset; n < slice.end(); ++n) {
      const int label = labels[static_cast<std::size_t>(n)];
      const float there = (y.data[n * classes + label] - at_label) * factor;
      RowMap(dx.data + n * classes, classes) = (ConstRowMap(y.data + n * classes, classes) - everywhere) * factor;
      dx.data[n * classes + label] = there;
    }
  });
}

}  // namespace convoy::cpu
