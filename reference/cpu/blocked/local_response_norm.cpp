#include <algorithm>
#include <array>
#include <cmath>

#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/kernels.h"
#include "reference/cpu/scratch.h"

// Note [channels of a pixel]: a window over channels runs across blocks, so the channels of some pixels are first put into one
// another's neighbourhood: [channels][pixels], where every loop over pixels is vector code.

namespace convoy::cpu::blocked {
namespace {

constexpr int kPixels = 32;  // pixels that are treated together
using Row = std::array<float, kPixels>;

/// Rows [channels][kPixels] of a tensor's pixels from `first` on; behind the last pixel, zeros.
void gather(BlockedView<const float> x, std::int64_t n, std::int64_t first, int pixels, Row* rows) {
  for (int c = 0; c < x.shape.c; ++c) {
    const float* from = x.data + (n * x.blocks() + c / kBlock) * x.plane() + first * kBlock + c % kBlock;
    rows[c] = {};
    for (int i = 0; i < pixels; ++i) rows[c][static_cast<std::size_t>(i)] = from[std::int64_t{i} * kBlock];
  }
}

void scatter(const Row* rows, BlockedView<float> y, std::int64_t n, std::int64_t first, int pixels) {
  for (int c = 0; c < y.blocks() * kBlock; ++c) {
    float* to = y.data + (n * y.blocks() + c / kBlock) * y.plane() + first * kBlock + c % kBlock;
    for (int i = 0; i < pixels; ++i) to[std::int64_t{i} * kBlock] = c < y.shape.c ? rows[c][static_cast<std::size_t>(i)] : 0;
  }
}

/// power = d^-beta. The beta that networks use, 3/4, takes two roots and a division instead of logarithm and exponential.
void raise(const Row& d, double beta, Row& power) {
  const auto exponent = static_cast<float>(-beta);
  for (std::size_t i = 0; i < kPixels; ++i) {
    const float root = std::sqrt(d[i]);
    power[i] = beta == 0.75 ? 1 / (root * std::sqrt(root)) : std::pow(d[i], exponent);
  }
}

/// d = k + alpha / size * sum of x^2 over the window around channel c.
void denominator(const Row* x, int channels, int c, const LocalResponseNorm& norm, Row& d) {
  Row total{};
  for (int j = std::max(c - norm.before(), 0); j <= std::min(c + norm.behind(), channels - 1); ++j)
    for (std::size_t i = 0; i < kPixels; ++i) total[i] += x[j][i] * x[j][i];
  const auto factor = static_cast<float>(norm.alpha / norm.size);
  for (std::size_t i = 0; i < kPixels; ++i) d[i] = static_cast<float>(norm.k) + factor * total[i];
}

/// body(n, first, pixels, rows) for all pixels, `kPixels` at a time, with scratch for `tensors` times the channels.
template <class Body>
void for_each_run(const Shape& shape, int tensors, const Body& body) {
  const std::int64_t pixels = std::int64_t{shape.h} * shape.w;
  const std::int64_t runs = (pixels + kPixels - 1) / kPixels;
  parallel_slices(shape.n * runs, 4, [&](Slice slice) {
    auto* rows = reinterpret_cast<Row*>(scratch(Slot::columns, std::int64_t{tensors} * shape.c * kPixels));
    for (std::int64_t run = slice.offset; run < slice.end(); ++run) {
      const std::int64_t first = run % runs * kPixels;
      body(run / runs, first, static_cast<int>(std::min<std::int64_t>(kPixels, pixels - first)), rows);
    }
  });
}

}  // namespace

void local_response_norm_forward(BlockedView<const float> x, BlockedView<float> y, const LocalResponseNorm& norm) {
  check_local_response_norm("blocked::local_response_norm_forward", x.shape, y.shape, norm, 0);
  check_shape("blocked::local_response_norm_forward", "y", y.shape, x.shape);
  const int channels = x.shape.c;
  for_each_run(x.shape, 2, [&](std::int64_t n, std::int64_t first, int pixels, Row* rows) {
    Row* result = rows + channels;
    gather(x, n, first, pixels, rows);
    for (int c = 0; c < channels; ++c) {
      Row d, power;
      denominator(rows, channels, c, norm, d);
      raise(d, norm.beta, power);
      for (std::size_t i = 0; i < kPixels; ++i) result[c][i] = rows[c][i] * power[i];
    }
    scatter(result, y, n, first, pixels);
  });
}

void local_response_norm_backward_input(BlockedView<const float> dy, BlockedView<const float> x, BlockedView<float> dx,
                                        const LocalResponseNorm& norm) {
  check_local_response_norm("blocked::local_response_norm_backward_input", x.shape, dy.shape, norm, 0);
  check_shape("blocked::local_response_norm_backward_input", "dy", dy.shape, x.shape);
  check_shape("blocked::local_response_norm_backward_input", "dx", dx.shape, x.shape);
  const int channels = x.shape.c;
  const auto factor = static_cast<float>(2 * norm.alpha * norm.beta / norm.size);
  for_each_run(x.shape, 3, [&](std::int64_t n, std::int64_t first, int pixels, Row* rows) {
    Row* gradient = rows + channels;   // dy, then dy d^-beta, the first term of dx
    Row* ratio = rows + 2 * channels;  // dy x d^(-beta - 1)
    gather(x, n, first, pixels, rows);
    gather(dy, n, first, pixels, gradient);
    for (int c = 0; c < channels; ++c) {
      Row d, power;
      denominator(rows, channels, c, norm, d);
      raise(d, norm.beta, power);
      for (std::size_t i = 0; i < kPixels; ++i) {
        gradient[c][i] *= power[i];
        ratio[c][i] = gradient[c][i] * rows[c][i] / d[i];
      }
    }
    for (int c = 0; c < channels; ++c) {
      Row total{};
      for (int j = std::max(c - norm.behind(), 0); j <= std::min(c + norm.before(), channels - 1); ++j)
        for (std::size_t i = 0; i < kPixels; ++i) total[i] += ratio[j][i];
      for (std::size_t i = 0; i < kPixels; ++i) gradient[c][i] -= factor * rows[c][i] * total[i];
    }
    scatter(gradient, dx, n, first, pixels);
  });
}

}  // namespace convoy::cpu::blocked
