#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>

#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/kernels.h"
#include "reference/cpu/blocked/partial_sums.h"
#include "reference/cpu/blocked/vector.h"
#include "reference/cpu/naive/batch_norm2d.h"

// Note [sums of many floats]: sixteen pixels are added up in float, and those sums in double; what is lost is below that of one
// float addition of sixteen equal terms, and the conversions cost little.

namespace convoy::cpu::blocked {
namespace {

constexpr std::int64_t kChunk = 16;  // pixels that are added up in float

/// One value a channel of a block.
struct alignas(64) Lanes {
  std::array<float, kBlock> value{};
  [[nodiscard]] Vec vec() const { return as_vec(value.data()); }
};

/// value(c) for the channels of a block; 0 in lanes of padding.
template <class Value>
Lanes lanes(int channels, int block, const Value& value) {
  Lanes result;
  for (int lane = 0; lane < lanes_of(channels, block); ++lane)
    result.value[static_cast<std::size_t>(lane)] = static_cast<float>(value(block * kBlock + lane));
  return result;
}

void check_optional(const char* where, const char* name, BlockedView<const float> view, const Shape& expected) {
  if (view.data != nullptr) check_shape(where, name, view.shape, expected);
}

/// y = scale x + shift (+ z) (then ReLU), with what is known when compiling out of the loop.
template <bool kAdd, bool kRelu, bool kStream>
void scale_plane(const float* x, const float* z, float* y, std::int64_t count, const Lanes& scale_lanes,
                 const Lanes& shift_lanes) {
  const Vec scale = scale_lanes.vec();
  const Vec shift = shift_lanes.vec();
  for (std::int64_t i = 0; i < count; i += kBlock) {
    Vec v = as_vec(x + i) * scale + shift;
    if constexpr (kAdd) v += as_vec(z + i);
    if constexpr (kRelu) apply_relu(v);
    store<kStream>(y + i, v);
  }
  if constexpr (kStream) end_streaming();
}

using ScalePlane = void (*)(const float*, const float*, float*, std::int64_t, const Lanes&, const Lanes&);
ScalePlane scale_function(bool adds, bool relu, bool streams) {
  static constexpr ScalePlane table[] = {scale_plane<false, false, false>, scale_plane<false, false, true>,
                                         scale_plane<false, true, false>,  scale_plane<false, true, true>,
                                         scale_plane<true, false, false>,  scale_plane<true, false, true>,
                                         scale_plane<true, true, false>,   scale_plane<true, true, true>};
  return table[(adds ? 4 : 0) + (relu ? 2 : 0) + (streams ? 1 : 0)];
}

/// Whether a result is stored past the caches: where it is large, and not where one of the operands was just read from.
bool streams(BlockedView<float> result, std::initializer_list<const float*> operands) {
  return result.count() >= kStreamedFloats && std::find(operands.begin(), operands.end(), result.data) == operands.end();
}

/// The sum of dy and of dy (x - mean) over a plane; with kMask of dy where y > 0; dz, when wanted, gets that dy.
template <bool kMask, bool kStream>
void gradient_sums_of(const float* dy, const float* x, const float* y, float* dz, std::int64_t count, const Lanes& mean_lanes,
                      DoubleSums& sum, DoubleSums& product_sum) {
  const Vec mean = mean_lanes.vec();
  for (std::int64_t first = 0; first < count; first += kChunk * kBlock) {
    Vec a{}, b{};
    for (std::int64_t i = first; i < std::min(count, first + kChunk * kBlock); i += kBlock) {
      Vec g = as_vec(dy + i);
      if constexpr (kMask) keep_where_positive(g, as_vec(y + i));
      if (dz != nullptr) store<kStream>(dz + i, g);
      a += g;
      b += g * (as_vec(x + i) - mean);
    }
    sum.add(a);
    product_sum.add(b);
  }
  if constexpr (kStream) end_streaming();
}

template <bool kMask, bool kStream>
void input_gradient(const float* dy, const float* x, const float* y, float* dx, std::int64_t count,
                    const std::array<Lanes, 3>& factors) {
  const Vec scale = factors[0].vec();
  const Vec slope = factors[1].vec();
  const Vec shift = factors[2].vec();
  for (std::int64_t i = 0; i < count; i += kBlock) {
    Vec g = as_vec(dy + i);
    if constexpr (kMask) keep_where_positive(g, as_vec(y + i));
    store<kStream>(dx + i, scale * g - (slope * as_vec(x + i) - shift));
  }
  if constexpr (kStream) end_streaming();
}

auto statistics_of(std::span<const double> sums, int c, double epsilon) {
  return naive::channel_statistics(sums, static_cast<std::size_t>(c), epsilon);
}

}  // namespace

void batch_norm2d_statistics(BlockedView<const float> x, std::span<double> sums) {
  const auto channels = static_cast<std::size_t>(x.shape.c);
  check_sums("blocked::batch_norm2d_statistics", sums.size(), 2 * channels + 1);
  const std::int64_t count = x.plane();
  sum_over_planes(x.shape, sums.first(2 * channels), [&](std::int64_t plane, int, DoubleSums& sum, DoubleSums& square_sum) {
    const float* data = x.data + plane * count;
    for (std::int64_t first = 0; first < count; first += kChunk * kBlock) {
      Vec a{}, b{};
      for (std::int64_t i = first; i < std::min(count, first + kChunk * kBlock); i += kBlock) {
        const Vec v = as_vec(data + i);
        a += v;
        b += v * v;
      }
      sum.add(a);
      square_sum.add(b);
    }
  });
  sums.back() = static_cast<double>(x.shape.n) * x.shape.h * x.shape.w;
}

void batch_norm2d_forward(BlockedView<const float> x, BlockedView<const float> z, View<const float> gamma, View<const float> beta,
                          std::span<const double> sums, double epsilon, bool relu, BlockedView<float> y) {
  const int channels = x.shape.c;
  check_shape("blocked::batch_norm2d_forward", "y", y.shape, x.shape);
  check_optional("blocked::batch_norm2d_forward", "z", z, x.shape);
  check_per_channel("blocked::batch_norm2d_forward", "gamma", gamma.shape, channels);
  check_per_channel("blocked::batch_norm2d_forward", "beta", beta.shape, channels);
  check_sums("blocked::batch_norm2d_forward", sums.size(), 2 * static_cast<std::size_t>(channels) + 1);
  if (x.shape.count() == 0) return;
  const ScalePlane kernel = scale_function(z.data != nullptr, relu, streams(y, {x.data, z.data}));
  for_each_plane(x.shape, [&](std::int64_t plane, int block) {
    const auto scale_of = [&](int c) { return gamma.data[c] * statistics_of(sums, c, epsilon).inverse_deviation; };
    const std::int64_t at = plane * x.plane();
    kernel(x.data + at, z.data == nullptr ? nullptr : z.data + at, y.data + at, x.plane(), lanes(channels, block, scale_of),
           lanes(channels, block, [&](int c) { return beta.data[c] - statistics_of(sums, c, epsilon).mean * scale_of(c); }));
  });
}

void batch_norm2d_forward_evaluate(BlockedView<const float> x, BlockedView<const float> z, View<const float> gamma,
                                   View<const float> beta, View<const float> mean, View<const float> variance, double epsilon,
                                   bool relu, BlockedView<float> y) {
  const int channels = x.shape.c;
  check_shape("blocked::batch_norm2d_forward_evaluate", "y", y.shape, x.shape);
  check_optional("blocked::batch_norm2d_forward_evaluate", "z", z, x.shape);
  check_per_channel("blocked::batch_norm2d_forward_evaluate", "gamma", gamma.shape, channels);
  check_per_channel("blocked::batch_norm2d_forward_evaluate", "beta", beta.shape, channels);
  check_per_channel("blocked::batch_norm2d_forward_evaluate", "mean", mean.shape, channels);
  check_per_channel("blocked::batch_norm2d_forward_evaluate", "variance", variance.shape, channels);
  const ScalePlane kernel = scale_function(z.data != nullptr, relu, streams(y, {x.data, z.data}));
  for_each_plane(x.shape, [&](std::int64_t plane, int block) {
    const auto scale_of = [&](int c) { return gamma.data[c] / std::sqrt(variance.data[c] + epsilon); };
    const std::int64_t at = plane * x.plane();
    kernel(x.data + at, z.data == nullptr ? nullptr : z.data + at, y.data + at, x.plane(), lanes(channels, block, scale_of),
           lanes(channels, block, [&](int c) { return beta.data[c] - mean.data[c] * scale_of(c); }));
  });
}

void batch_norm2d_backward_statistics(BlockedView<const float> dy, BlockedView<const float> x, BlockedView<const float> y,
                                      std::span<const double> sums, double epsilon, std::span<double> gradient_sums,
                                      BlockedView<float> dz) {
  const auto channels = static_cast<std::size_t>(x.shape.c);
  check_shape("blocked::batch_norm2d_backward_statistics", "dy", dy.shape, x.shape);
  check_optional("blocked::batch_norm2d_backward_statistics", "y", y, x.shape);
  check_optional("blocked::batch_norm2d_backward_statistics", "dz", dz, x.shape);
  check_sums("blocked::batch_norm2d_backward_statistics", sums.size(), 2 * channels + 1);
  check_sums("blocked::batch_norm2d_backward_statistics", gradient_sums.size(), 2 * channels);
  if (x.shape.count() == 0) return static_cast<void>(std::fill(gradient_sums.begin(), gradient_sums.end(), 0.0));
  const bool far = dz.data != nullptr && streams(dz, {dy.data});
  const auto run = y.data == nullptr ? (far ? gradient_sums_of<false, true> : gradient_sums_of<false, false>)
                                     : (far ? gradient_sums_of<true, true> : gradient_sums_of<true, false>);
  sum_over_planes(x.shape, gradient_sums, [&](std::int64_t plane, int block, DoubleSums& sum, DoubleSums& product_sum) {
    const Lanes mean = lanes(x.shape.c, block, [&](int c) { return statistics_of(sums, c, epsilon).mean; });
    const std::int64_t at = plane * x.plane();
    float* masked = dz.data == nullptr ? nullptr : dz.data + at;
    const float* where = y.data == nullptr ? nullptr : y.data + at;
    run(dy.data + at, x.data + at, where, masked, x.plane(), mean, sum, product_sum);
  });
  for (std::size_t c = 0; c < channels; ++c)
    gradient_sums[channels + c] *= statistics_of(sums, static_cast<int>(c), epsilon).inverse_deviation;
}

void batch_norm2d_backward_input(BlockedView<const float> dy, BlockedView<const float> x, BlockedView<const float> y,
                                 View<const float> gamma, std::span<const double> sums, std::span<const double> gradient_sums,
                                 double epsilon, BlockedView<float> dx) {
  const int channels = x.shape.c;
  check_shape("blocked::batch_norm2d_backward_input", "dy", dy.shape, x.shape);
  check_shape("blocked::batch_norm2d_backward_input", "dx", dx.shape, x.shape);
  check_optional("blocked::batch_norm2d_backward_input", "y", y, x.shape);
  check_per_channel("blocked::batch_norm2d_backward_input", "gamma", gamma.shape, channels);
  check_sums("blocked::batch_norm2d_backward_input", sums.size(), 2 * static_cast<std::size_t>(channels) + 1);
  check_sums("blocked::batch_norm2d_backward_input", gradient_sums.size(), 2 * static_cast<std::size_t>(channels));
  if (x.shape.count() == 0) return;
  const bool far = streams(dx, {dy.data, x.data, y.data});
  const auto run = y.data == nullptr ? (far ? input_gradient<false, true> : input_gradient<false, false>)
                                     : (far ? input_gradient<true, true> : input_gradient<true, false>);
  for_each_plane(x.shape, [&](std::int64_t plane, int block) {
    // dx = scale dy - slope x + shift: the formula with everything that is the same along a channel put together.
    const auto scale = [&](int c) { return gamma.data[c] * statistics_of(sums, c, epsilon).inverse_deviation; };
    const auto slope = [&](int c) {
      return scale(c) * gradient_sums[static_cast<std::size_t>(channels + c)] / sums.back() *
             statistics_of(sums, c, epsilon).inverse_deviation;
    };
    const auto shift = [&](int c) {
      return slope(c) * statistics_of(sums, c, epsilon).mean -
             scale(c) * gradient_sums[static_cast<std::size_t>(c)] / sums.back();
    };
    const std::array<Lanes, 3> factors = {lanes(channels, block, scale), lanes(channels, block, slope),
                                          lanes(channels, block, shift)};
    const std::int64_t at = plane * x.plane();
    run(dy.data + at, x.data + at, y.data == nullptr ? nullptr : y.data + at, dx.data + at, x.plane(), factors);
  });
}

}  // namespace convoy::cpu::blocked
