#include <algorithm>

#include "reference/cpu/checks.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/matrix.h"
#include "reference/cpu/parallel.h"
#include "reference/cpu/scratch.h"

// Note [runs of pixels]: the channels around one lie a plane apart, so work goes by runs of neighbouring pixels, all channels of
// one run before the next: rows of channels stay in the cache while the windows over them overlap.

namespace convoy::cpu {
namespace {

/// Neighbouring pixels of one image, and how far apart its channels are.
struct Run {
  std::int64_t image = 0;
  Slice pixels;
  std::int64_t plane = 0;
  /// Channel c of this run in a tensor of `channels` channels.
  [[nodiscard]] std::int64_t offset(int channels, int c) const { return (image * channels + c) * plane + pixels.offset; }
};

/// body(run) for runs that together are all pixels of all images of x, short enough that `channels` rows of them are 64 KiB.
template <class Body>
void for_each_run(const Shape& x, int channels, const Body& body) {
  const std::int64_t plane = std::int64_t{x.h} * x.w;
  const std::int64_t length = std::clamp<std::int64_t>(16'384 / std::max(channels, 1), 32, 1'024);
  const std::int64_t runs = (plane + length - 1) / length;
  parallel_for(x.n * runs, [&](std::int64_t i) { body(Run{i / runs, shard(plane, runs, i % runs), plane}); });
}

/// d = k + alpha / size * sum of x^2 over the window around channel c. d: one for each pixel of the run, overwritten.
void denominators(View<const float> x, const LocalResponseNorm& norm, const Run& run, int c, RowMap& d) {
  d.setZero();
  for (int i = std::max(c - norm.before(), 0); i <= std::min(c + norm.behind(), x.shape.c - 1); ++i)
    d += ConstRowMap(x.data + run.offset(x.shape.c, i), d.size()).square();
  d = static_cast<float>(norm.k) + static_cast<float>(norm.alpha / norm.size) * d;
}

/// d = d^-beta, for d > 0. The beta that networks use, 3/4, takes two roots and a division instead of logarithm and exponential.
void raise(RowMap& d, double beta) {
  if (beta == 0.75)
    d = 1 / (d.sqrt() * d.sqrt().sqrt());
  else
    d = (static_cast<float>(-beta) * d.log()).exp();
}

}  // namespace

void local_response_norm_forward(View<const float> x, View<float> y, const LocalResponseNorm& norm, int lead) {
  check_local_response_norm("local_response_norm_forward", x.shape, y.shape, norm, lead);
  if (y.count() == 0) return;
  for_each_run(y.shape, x.shape.c, [&](const Run& run) {
    RowMap d(scratch(Slot::product, run.pixels.count), run.pixels.count);
    for (int j = 0; j < y.shape.c; ++j) {
      denominators(x, norm, run, j + lead, d);
      raise(d, norm.beta);
      RowMap(y.data + run.offset(y.shape.c, j), d.size()) = ConstRowMap(x.data + run.offset(x.shape.c, j + lead), d.size()) * d;
    }
  });
}

void local_response_norm_backward_input(View<const float> dy, View<const float> x, View<float> dx, const LocalResponseNorm& norm,
                                        int lead) {
  check_local_response_norm("local_response_norm_backward_input", x.shape, dy.shape, norm, lead);
  check_shape("local_response_norm_backward_input", "dx", dx.shape, x.shape);
  if (dx.count() == 0) return;
  const auto factor = static_cast<float>(2 * norm.alpha * norm.beta / norm.size);
  const int own = dy.shape.c;
  for_each_run(x.shape, x.shape.c, [&](const Run& run) {
    const std::int64_t pixels = run.pixels.count;
    float* ratios = scratch(Slot::columns, own * pixels);  // dy x d^(-beta - 1) by channel of y
    RowMap d(scratch(Slot::product, pixels), pixels);
    RowMap sum(scratch(Slot::gathered, pixels), pixels);
    for (int j = 0; j < own; ++j) {
      denominators(x, norm, run, j + lead, d);
      const std::int64_t at = run.offset(x.shape.c, j + lead);
      RowMap scaled(dx.data + at, pixels);  // dy d^-beta, the first term of dx
      RowMap ratio(ratios + j * pixels, pixels);
      ratio = ConstRowMap(x.data + at, pixels) / d;
      raise(d, norm.beta);
      scaled = ConstRowMap(dy.data + run.offset(own, j), pixels) * d;
      ratio *= scaled;
    }
    for (int i = 0; i < x.shape.c; ++i) {
      const std::int64_t at = run.offset(x.shape.c, i);
      RowMap result(dx.data + at, pixels);
      if (i < lead || i >= lead + own) result.setZero();
      sum.setZero();
      for (int j = std::max(i - lead - norm.behind(), 0); j <= std::min(i - lead + norm.before(), own - 1); ++j)
        sum += ConstRowMap(ratios + j * pixels, pixels);
      result -= factor * ConstRowMap(x.data + at, pixels) * sum;
    }
  });
}

}  // namespace convoy::cpu
