#include <cmath>

#include "reference/cpu/checks.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/parallel.h"

namespace convoy::cpu {
namespace {

/// Two sums over values of one channel. Kept in double: mean x^2 - (mean x)^2 loses the digits that the two have in common.
struct Pair {
  double first = 0;
  double second = 0;
};

/// Sum of x and of x^2. The compiler may add in any order that suits its vectors, always the same one.
Pair sums_of(const float* x, std::int64_t count) {
  double sum = 0;
  double squares = 0;
#ifdef _OPENMP
#pragma omp simd reduction(+ : sum, squares)
#endif
  for (std::int64_t i = 0; i < count; ++i) {
    const auto value = static_cast<double>(x[i]);
    sum += value;
    squares += value * value;
  }
  return {sum, squares};
}

/// Sum of dy and of dy (x - mean).
Pair gradient_sums_of(const float* dy, const float* x, double mean, std::int64_t count) {
  double sum = 0;
  double products = 0;
#ifdef _OPENMP
#pragma omp simd reduction(+ : sum, products)
#endif
  for (std::int64_t i = 0; i < count; ++i) {
    const auto gradient = static_cast<double>(dy[i]);
    sum += gradient;
    products += gradient * (static_cast<double>(x[i]) - mean);
  }
  return {sum, products};
}

/// Mean and biased variance of one channel of a group, and 1 / sqrt(variance + epsilon).
struct Statistics {
  double mean = 0;
  double variance = 0;
  double inverse_deviation = 0;
};

Statistics statistics_of(std::span<const double> sums, std::int64_t channel, double epsilon) {
  const std::size_t channels = sums.size() / 2;
  const auto c = static_cast<std::size_t>(channel);
  const double mean = sums[c] / sums[2 * channels];
  const double variance = std::max(sums[channels + c] / sums[2 * channels] - mean * mean, 0.0);
  return {mean, variance, 1 / std::sqrt(variance + epsilon)};
}

/// Where the planes of a tensor lie, and how its channels are worth dividing: each is one thread's from beginning to end, so that
/// the sums have the same bits for any number of threads.
struct Planes {
  std::int64_t samples, channels, size;
  explicit Planes(const Shape& x) : samples(x.n), channels(x.c), size(std::int64_t{x.h} * x.w) {}
  [[nodiscard]] std::int64_t offset(std::int64_t n, std::int64_t c) const { return (n * channels + c) * size; }
  [[nodiscard]] std::int64_t grain() const { return kElementGrain / std::max<std::int64_t>(samples * size, 1) + 1; }
};

/// y = scale x + shift for the planes of one channel.
void scale_and_shift(const float* x, float* y, const Planes& planes, std::int64_t c, float scale, float shift) {
  for (std::int64_t n = 0; n < planes.samples; ++n) {
    const float* from = x + planes.offset(n, c);
    float* to = y + planes.offset(n, c);
    for (std::int64_t i = 0; i < planes.size; ++i) to[i] = scale * from[i] + shift;
  }
}

}  // namespace

void batch_norm2d_statistics(View<const float> x, std::span<double> sums) {
  const Planes planes(x.shape);
  const auto channels = static_cast<std::size_t>(planes.channels);
  check_sums("batch_norm2d_statistics", sums.size(), 2 * channels + 1);
  parallel_slices(planes.channels, planes.grain(), [&](Slice slice) {
    for (std::int64_t c = slice.offset; c < slice.end(); ++c) {
      Pair total;
      for (std::int64_t n = 0; n < planes.samples; ++n) {
        const Pair pair = sums_of(x.data + planes.offset(n, c), planes.size);
        total.first += pair.first;
        total.second += pair.second;
      }
      sums[static_cast<std::size_t>(c)] = total.first;
      sums[channels + static_cast<std::size_t>(c)] = total.second;
    }
  });
  sums[2 * channels] = static_cast<double>(planes.samples) * static_cast<double>(planes.size);
}

void batch_norm2d_forward(View<const float> x, View<const float> gamma, View<const float> beta, std::span<const double> sums,
                          double epsilon, View<float> y) {
  const Planes planes(x.shape);
  check_shape("batch_norm2d_forward", "y", y.shape, x.shape);
  check_per_channel("batch_norm2d_forward", "gamma", gamma.shape, x.shape.c);
  check_per_channel("batch_norm2d_forward", "beta", beta.shape, x.shape.c);
  check_sums("batch_norm2d_forward", sums.size(), static_cast<std::size_t>(2 * planes.channels + 1));
  if (x.count() == 0) return;
  parallel_slices(planes.channels, planes.grain(), [&](Slice slice) {
    for (std::int64_t c = slice.offset; c < slice.end(); ++c) {
      const Statistics statistics = statistics_of(sums, c, epsilon);
      const double scale = gamma.data[c] * statistics.inverse_deviation;
      scale_and_shift(x.data, y.data, planes, c, static_cast<float>(scale),
                      static_cast<float>(beta.data[c] - statistics.mean * scale));
    }
  });
}

void batch_norm2d_update_running(std::span<const double> sums, double momentum, View<float> mean, View<float> variance) {
  check_per_channel("batch_norm2d_update_running", "mean", mean.shape, mean.shape.c);
  check_per_channel("batch_norm2d_update_running", "variance", variance.shape, mean.shape.c);
  check_sums("batch_norm2d_update_running", sums.size(), 2 * static_cast<std::size_t>(mean.shape.c) + 1);
  const double count = sums.back();
  if (!(count > 0)) return;
  const double unbiased = count > 1 ? count / (count - 1) : 1;
  for (std::int64_t c = 0; c < mean.shape.c; ++c) {
    const Statistics statistics = statistics_of(sums, c, 1);
    mean.data[c] = static_cast<float>((1 - momentum) * mean.data[c] + momentum * statistics.mean);
    variance.data[c] = static_cast<float>((1 - momentum) * variance.data[c] + momentum * statistics.variance * unbiased);
  }
}

void batch_norm2d_forward_evaluate(View<const float> x, View<const float> gamma, View<const float> beta, View<const float> mean,
                                   View<const float> variance, double epsilon, View<float> y) {
  const Planes planes(x.shape);
  check_shape("batch_norm2d_forward_evaluate", "y", y.shape, x.shape);
  check_per_channel("batch_norm2d_forward_evaluate", "gamma", gamma.shape, x.shape.c);
  check_per_channel("batch_norm2d_forward_evaluate", "beta", beta.shape, x.shape.c);
  check_per_channel("batch_norm2d_forward_evaluate", "mean", mean.shape, x.shape.c);
  check_per_channel("batch_norm2d_forward_evaluate", "variance", variance.shape, x.shape.c);
  parallel_slices(planes.channels, planes.grain(), [&](Slice slice) {
    for (std::int64_t c = slice.offset; c < slice.end(); ++c) {
      const double scale = gamma.data[c] / std::sqrt(variance.data[c] + epsilon);
      scale_and_shift(x.data, y.data, planes, c, static_cast<float>(scale),
                      static_cast<float>(beta.data[c] - mean.data[c] * scale));
    }
  });
}

void batch_norm2d_backward_statistics(View<const float> dy, View<const float> x, std::span<const double> sums, double epsilon,
                                      std::span<double> gradient_sums) {
  const Planes planes(x.shape);
  const auto channels = static_cast<std::size_t>(planes.channels);
  check_shape("batch_norm2d_backward_statistics", "dy", dy.shape, x.shape);
  check_sums("batch_norm2d_backward_statistics", sums.size(), 2 * channels + 1);
  check_sums("batch_norm2d_backward_statistics", gradient_sums.size(), 2 * channels);
  if (x.count() == 0) return static_cast<void>(std::fill(gradient_sums.begin(), gradient_sums.end(), 0.0));
  parallel_slices(planes.channels, planes.grain(), [&](Slice slice) {
    for (std::int64_t c = slice.offset; c < slice.end(); ++c) {
      const Statistics statistics = statistics_of(sums, c, epsilon);
      Pair total;
      for (std::int64_t n = 0; n < planes.samples; ++n) {
        const std::int64_t at = planes.offset(n, c);
        const Pair pair = gradient_sums_of(dy.data + at, x.data + at, statistics.mean, planes.size);
        total.first += pair.first;
        total.second += pair.second;
      }
      gradient_sums[static_cast<std::size_t>(c)] = total.first;
      gradient_sums[channels + static_cast<std::size_t>(c)] = total.second * statistics.inverse_deviation;
    }
  });
}

void batch_norm2d_backward_weights(std::span<const double> gradient_sums, View<float> dgamma, View<float> dbeta) {
  const auto channels = static_cast<std::size_t>(dgamma.shape.c);
  check_per_channel("batch_norm2d_backward_weights", "dgamma", dgamma.shape, dgamma.shape.c);
  check_per_channel("batch_norm2d_backward_weights", "dbeta", dbeta.shape, dgamma.shape.c);
  check_sums("batch_norm2d_backward_weights", gradient_sums.size(), 2 * channels);
  for (std::size_t c = 0; c < channels; ++c) {
    dgamma.data[c] += static_cast<float>(gradient_sums[channels + c]);
    dbeta.data[c] += static_cast<float>(gradient_sums[c]);
  }
}

void batch_norm2d_backward_input(View<const float> dy, View<const float> x, View<const float> gamma, std::span<const double> sums,
                                 std::span<const double> gradient_sums, double epsilon, View<float> dx) {
  const Planes planes(x.shape);
  const auto channels = static_cast<std::size_t>(planes.channels);
  check_shape("batch_norm2d_backward_input", "dy", dy.shape, x.shape);
  check_shape("batch_norm2d_backward_input", "dx", dx.shape, x.shape);
  check_per_channel("batch_norm2d_backward_input", "gamma", gamma.shape, x.shape.c);
  check_sums("batch_norm2d_backward_input", sums.size(), 2 * channels + 1);
  check_sums("batch_norm2d_backward_input", gradient_sums.size(), 2 * channels);
  if (x.count() == 0) return;
  parallel_slices(planes.channels, planes.grain(), [&](Slice slice) {
    for (std::int64_t c = slice.offset; c < slice.end(); ++c) {
      // dx = scale dy - slope x + shift: the formula with everything that is the same along a channel put together.
      const Statistics statistics = statistics_of(sums, c, epsilon);
      const double a = gamma.data[c] * statistics.inverse_deviation;
      const double b = a * gradient_sums[channels + static_cast<std::size_t>(c)] / sums.back() * statistics.inverse_deviation;
      const auto scale = static_cast<float>(a);
      const auto slope = static_cast<float>(b);
      const auto shift = static_cast<float>(b * statistics.mean - a * gradient_sums[static_cast<std::size_t>(c)] / sums.back());
      for (std::int64_t n = 0; n < planes.samples; ++n) {
        const std::int64_t at = planes.offset(n, c);
        for (std::int64_t i = at; i < at + planes.size; ++i) dx.data[i] = scale * dy.data[i] - slope * x.data[i] + shift;
      }
    }
  });
}

}  // namespace convoy::cpu
