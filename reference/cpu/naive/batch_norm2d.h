/// Batch normalisation (Ioffe and Szegedy 2015) in plain loops, cut where several ranks that share one group of samples have to
/// add something up: each calls statistics, all add their sums, and each goes on with the total.
///
///     forward    statistics -> (sums added up) -> forward, update_running
///     backward   backward_statistics -> (gradient_sums added up) -> backward_input; backward_weights with the rank's own
///
/// sums: [sum of x | sum of x^2 | number of values a channel], 2 C + 1 numbers.
/// gradient_sums: [sum of dy | sum of dy xhat], 2 C numbers. Both are kept in double whatever T is: mean x^2 - (mean x)^2 loses
/// the digits that the two have in common.
#pragma once

#include <cmath>
#include <span>

#include "reference/core/tensor.h"
#include "reference/cpu/checks.h"

namespace convoy::cpu::naive {

/// The type of sums over a batch: double. (A test that counts operations sums in the type that counts.)
template <class T>
struct SumOf {
  using type = double;
};
template <class T>
using Sum = typename SumOf<T>::type;

/// Mean and biased variance of one channel, and 1 / sqrt(variance + epsilon).
template <class S>
struct ChannelStatistics {
  S mean, variance, inverse_deviation;
};

/// mean = sum x / m,   variance = max(sum x^2 / m - mean^2, 0)   for channel c of sums with m values a channel.
template <class S>
ChannelStatistics<S> channel_statistics(std::span<const S> sums, std::size_t c, double epsilon) {
  using std::sqrt;
  const std::size_t channels = sums.size() / 2;
  const S count = sums[2 * channels];
  const S mean = sums[c] / count;
  S variance = sums[channels + c] / count - mean * mean;
  if (S{} > variance) variance = S{};  // only ever by rounding
  return {mean, variance, static_cast<S>(1) / sqrt(variance + static_cast<S>(epsilon))};
}

/// sums[c] = sum over n,h,w of x,   sums[C + c] = sum of x^2,   sums[2 C] = N H W
/// x: [N,C,H,W]   sums: 2 C + 1, overwritten.
template <class T>
void batch_norm2d_statistics(View<const T> x, std::span<Sum<T>> sums) {
  const auto channels = static_cast<std::size_t>(x.shape.c);
  check_sums("naive::batch_norm2d_statistics", sums.size(), 2 * channels + 1);
  std::fill(sums.begin(), sums.end(), Sum<T>{});
  for (int n = 0; n < x.shape.n; ++n) {
    for (int c = 0; c < x.shape.c; ++c) {
      for (int h = 0; h < x.shape.h; ++h) {
        for (int w = 0; w < x.shape.w; ++w) {
          const auto value = static_cast<Sum<T>>(x(n, c, h, w));
          sums[static_cast<std::size_t>(c)] += value;
          sums[channels + static_cast<std::size_t>(c)] += value * value;
        }
      }
    }
  }
  sums[2 * channels] = static_cast<Sum<T>>(static_cast<double>(x.shape.n) * x.shape.h * x.shape.w);
}

/// y = gamma[c] xhat + beta[c] with xhat = (x - mean[c]) / sqrt(variance[c] + epsilon), as scale * x + shift
/// x, y: [N,C,H,W], y overwritten   gamma, beta: [1,C,1,1]   sums: those of the group. Nothing happens when they hold no value.
template <class T>
void batch_norm2d_forward(View<const T> x, View<const T> gamma, View<const T> beta, std::span<const Sum<T>> sums, double epsilon,
                          View<T> y) {
  const auto channels = static_cast<std::size_t>(x.shape.c);
  check_shape("naive::batch_norm2d_forward", "y", y.shape, x.shape);
  check_per_channel("naive::batch_norm2d_forward", "gamma", gamma.shape, x.shape.c);
  check_per_channel("naive::batch_norm2d_forward", "beta", beta.shape, x.shape.c);
  check_sums("naive::batch_norm2d_forward", sums.size(), 2 * channels + 1);
  if (x.count() == 0) return;
  for (int c = 0; c < x.shape.c; ++c) {
    const auto statistics = channel_statistics(sums, static_cast<std::size_t>(c), epsilon);
    const Sum<T> scale = static_cast<Sum<T>>(gamma.data[c]) * statistics.inverse_deviation;
    const Sum<T> shift = static_cast<Sum<T>>(beta.data[c]) - statistics.mean * scale;
    for (int n = 0; n < x.shape.n; ++n)
      for (int h = 0; h < x.shape.h; ++h)
        for (int w = 0; w < x.shape.w; ++w) y(n, c, h, w) = static_cast<T>(scale * static_cast<Sum<T>>(x(n, c, h, w)) + shift);
  }
}

/// mean = (1 - momentum) mean + momentum * mean of the group, and the same for variance with the unbiased variance, which is
/// m / (m - 1) times the biased one (as PyTorch; with m = 1 value the biased one). Nothing happens when the group is empty.
/// mean, variance: [1,C,1,1], updated   sums: those of the group.
template <class T>
void batch_norm2d_update_running(std::span<const Sum<T>> sums, double momentum, View<T> mean, View<T> variance) {
  const auto channels = static_cast<std::size_t>(mean.shape.c);
  check_per_channel("naive::batch_norm2d_update_running", "mean", mean.shape, mean.shape.c);
  check_per_channel("naive::batch_norm2d_update_running", "variance", variance.shape, mean.shape.c);
  check_sums("naive::batch_norm2d_update_running", sums.size(), 2 * channels + 1);
  const Sum<T> count = sums[2 * channels];
  if (!(count > Sum<T>{})) return;
  const Sum<T> unbiased = count > static_cast<Sum<T>>(1) ? count / (count - static_cast<Sum<T>>(1)) : static_cast<Sum<T>>(1);
  const auto move = [&](T& running, Sum<T> to) {
    running =
        static_cast<T>(static_cast<Sum<T>>(1 - momentum) * static_cast<Sum<T>>(running) + static_cast<Sum<T>>(momentum) * to);
  };
  for (int c = 0; c < mean.shape.c; ++c) {
    const auto statistics = channel_statistics(sums, static_cast<std::size_t>(c), 1);
    move(mean.data[c], statistics.mean);
    move(variance.data[c], statistics.variance * unbiased);
  }
}

/// y = gamma[c] (x - mean[c]) / sqrt(variance[c] + epsilon) + beta[c], with the running statistics
/// x, y: [N,C,H,W], y overwritten   gamma, beta, mean, variance: [1,C,1,1].
template <class T>
void batch_norm2d_forward_evaluate(View<const T> x, View<const T> gamma, View<const T> beta, View<const T> mean,
                                   View<const T> variance, double epsilon, View<T> y) {
  check_shape("naive::batch_norm2d_forward_evaluate", "y", y.shape, x.shape);
  check_per_channel("naive::batch_norm2d_forward_evaluate", "gamma", gamma.shape, x.shape.c);
  check_per_channel("naive::batch_norm2d_forward_evaluate", "beta", beta.shape, x.shape.c);
  check_per_channel("naive::batch_norm2d_forward_evaluate", "mean", mean.shape, x.shape.c);
  check_per_channel("naive::batch_norm2d_forward_evaluate", "variance", variance.shape, x.shape.c);
  using std::sqrt;
  for (int n = 0; n < x.shape.n; ++n)
    for (int c = 0; c < x.shape.c; ++c)
      for (int h = 0; h < x.shape.h; ++h)
        for (int w = 0; w < x.shape.w; ++w)
          y(n, c, h, w) =
              gamma.data[c] * (x(n, c, h, w) - mean.data[c]) / sqrt(variance.data[c] + static_cast<T>(epsilon)) + beta.data[c];
}

/// gradient_sums[c] = sum over n,h,w of dy,   gradient_sums[C + c] = sum of dy xhat with xhat = (x - mean) / deviation
/// dy, x: [N,C,H,W]   sums: those of the group   gradient_sums: 2 C, overwritten.
template <class T>
void batch_norm2d_backward_statistics(View<const T> dy, View<const T> x, std::span<const Sum<T>> sums, double epsilon,
                                      std::span<Sum<T>> gradient_sums) {
  const auto channels = static_cast<std::size_t>(x.shape.c);
  check_shape("naive::batch_norm2d_backward_statistics", "dy", dy.shape, x.shape);
  check_sums("naive::batch_norm2d_backward_statistics", sums.size(), 2 * channels + 1);
  check_sums("naive::batch_norm2d_backward_statistics", gradient_sums.size(), 2 * channels);
  std::fill(gradient_sums.begin(), gradient_sums.end(), Sum<T>{});
  if (x.count() == 0) return;
  for (int c = 0; c < x.shape.c; ++c) {
    const auto at = static_cast<std::size_t>(c);
    const auto statistics = channel_statistics(sums, at, epsilon);
    for (int n = 0; n < x.shape.n; ++n) {
      for (int h = 0; h < x.shape.h; ++h) {
        for (int w = 0; w < x.shape.w; ++w) {
          const auto gradient = static_cast<Sum<T>>(dy(n, c, h, w));
          const Sum<T> xhat = (static_cast<Sum<T>>(x(n, c, h, w)) - statistics.mean) * statistics.inverse_deviation;
          gradient_sums[at] += gradient;
          gradient_sums[channels + at] += gradient * xhat;
        }
      }
    }
  }
}

/// dgamma[c] += sum of dy xhat,   dbeta[c] += sum of dy
/// gradient_sums: 2 C   dgamma, dbeta: [1,C,1,1], accumulated. Where weight gradients are added up over ranks, these are the
/// rank's own sums, not the group's.
template <class T>
void batch_norm2d_backward_weights(std::span<const Sum<T>> gradient_sums, View<T> dgamma, View<T> dbeta) {
  const auto channels = static_cast<std::size_t>(dgamma.shape.c);
  check_per_channel("naive::batch_norm2d_backward_weights", "dgamma", dgamma.shape, dgamma.shape.c);
  check_per_channel("naive::batch_norm2d_backward_weights", "dbeta", dbeta.shape, dgamma.shape.c);
  check_sums("naive::batch_norm2d_backward_weights", gradient_sums.size(), 2 * channels);
  for (std::size_t c = 0; c < channels; ++c) {
    dgamma.data[c] += static_cast<T>(gradient_sums[channels + c]);
    dbeta.data[c] += static_cast<T>(gradient_sums[c]);
  }
}

/// dx = gamma[c] / deviation * (dy - sum dy / m - xhat * sum(dy xhat) / m), m being the values a channel of the group
/// (Ioffe and Szegedy 2015, section 3, with d variance and d mean put in)
/// dy, x, dx: [N,C,H,W], dx overwritten   gamma: [1,C,1,1]   sums, gradient_sums: those of the group.
template <class T>
void batch_norm2d_backward_input(View<const T> dy, View<const T> x, View<const T> gamma, std::span<const Sum<T>> sums,
                                 std::span<const Sum<T>> gradient_sums, double epsilon, View<T> dx) {
  const auto channels = static_cast<std::size_t>(x.shape.c);
  check_shape("naive::batch_norm2d_backward_input", "dy", dy.shape, x.shape);
  check_shape("naive::batch_norm2d_backward_input", "dx", dx.shape, x.shape);
  check_per_channel("naive::batch_norm2d_backward_input", "gamma", gamma.shape, x.shape.c);
  check_sums("naive::batch_norm2d_backward_input", sums.size(), 2 * channels + 1);
  check_sums("naive::batch_norm2d_backward_input", gradient_sums.size(), 2 * channels);
  if (x.count() == 0) return;
  for (int c = 0; c < x.shape.c; ++c) {
    const auto at = static_cast<std::size_t>(c);
    const auto statistics = channel_statistics(sums, at, epsilon);
    const Sum<T> scale = static_cast<Sum<T>>(gamma.data[c]) * statistics.inverse_deviation;
    const Sum<T> mean_dy = gradient_sums[at] / sums[2 * channels];
    const Sum<T> slope = gradient_sums[channels + at] / sums[2 * channels] * statistics.inverse_deviation;
    for (int n = 0; n < x.shape.n; ++n)
      for (int h = 0; h < x.shape.h; ++h)
        for (int w = 0; w < x.shape.w; ++w)
          dx(n, c, h, w) = static_cast<T>(scale * (static_cast<Sum<T>>(dy(n, c, h, w)) - mean_dy -
                                                   (static_cast<Sum<T>>(x(n, c, h, w)) - statistics.mean) * slope));
  }
}

}  // namespace convoy::cpu::naive
