#include "reference/cpu/activation_loops.h"
#include "reference/cpu/checks.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/matrix.h"
#include "reference/cpu/parallel.h"

namespace convoy::cpu {
namespace {

/// An exponential takes about as long as eight simple operations.
constexpr std::int64_t kGrain = kElementGrain / 8;

/// to[i] = f(from[i]), in a loop that the compiler makes vectors of.
template <class F>
void map(const float* from, std::int64_t count, float* to, const F& f) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = f(from[i]);
}
/// dx[i] = dy[i] slope(source[i]).
template <class F>
void map_gradient(const float* dy, const float* source, std::int64_t count, float* dx, const F& slope) {
  for (std::int64_t i = 0; i < count; ++i) dx[i] = dy[i] * slope(source[i]);
}

/// The sigmoid is needed twice: of a few elements at a time, so that it stays in cache and nothing is allocated.
void differentiate_silu(const float* dy, const float* x, std::int64_t count, float* dx) {
  constexpr int chunk = 256;
  Eigen::Array<float, 1, Eigen::Dynamic, Eigen::RowMajor, 1, chunk> s;
  for (std::int64_t i = 0; i < count; i += chunk) {
    const std::int64_t n = std::min<std::int64_t>(chunk, count - i);
    const ConstRowMap in(x + i, n);
    s = (1.0F + (-in).exp()).inverse();
    RowMap(dx + i, n) = ConstRowMap(dy + i, n) * s * (1.0F + in * (1.0F - s));
  }
}

}  // namespace

void activate(ActivationFunction function, const float* x, std::int64_t count, float* y) {
  const ConstRowMap in(x, count);
  RowMap out(y, count);
  switch (function) {
    case ActivationFunction::relu6: return map(x, count, y, [](float v) { return v < 0.0F ? 0.0F : v > 6.0F ? 6.0F : v; });
    case ActivationFunction::sigmoid: out = (1.0F + (-in).exp()).inverse(); return;
    case ActivationFunction::tanh: out = in.tanh(); return;
    case ActivationFunction::hard_sigmoid:
      return map(x, count, y, [](float v) { return v < -3.0F ? 0.0F : v > 3.0F ? 1.0F : (v + 3.0F) / 6.0F; });
    case ActivationFunction::hard_swish:
      return map(x, count, y, [](float v) { return v * (v < -3.0F ? 0.0F : v > 3.0F ? 1.0F : (v + 3.0F) / 6.0F); });
    case ActivationFunction::silu: out = in / (1.0F + (-in).exp()); return;
  }
}

void differentiate(ActivationFunction function, const float* dy, const float* source, std::int64_t count, float* dx) {
  const ConstRowMap dout(dy, count);
  const ConstRowMap in(source, count);
  RowMap out(dx, count);
  switch (function) {
    case ActivationFunction::relu6:
      return map_gradient(dy, source, count, dx, [](float y) { return y <= 0.0F || y >= 6.0F ? 0.0F : 1.0F; });
    case ActivationFunction::sigmoid: out = dout * in * (1.0F - in); return;
    case ActivationFunction::tanh: out = dout * (1.0F - in.square()); return;
    case ActivationFunction::hard_sigmoid:
      return map_gradient(dy, source, count, dx, [](float y) { return y <= 0.0F || y >= 1.0F ? 0.0F : 1.0F / 6.0F; });
    case ActivationFunction::hard_swish:
      return map_gradient(dy, source, count, dx, [](float x) { return x < -3.0F ? 0.0F : x > 3.0F ? 1.0F : x / 3.0F + 0.5F; });
    case ActivationFunction::silu: return differentiate_silu(dy, source, count, dx);
  }
}

void activation_forward(View<const float> x, View<float> y, ActivationFunction function) {
  check_shape("activation_forward", "y", y.shape, x.shape);
  parallel_slices(x.count(), kGrain,
                  [&](Slice slice) { activate(function, x.data + slice.offset, slice.count, y.data + slice.offset); });
}

void activation_backward_input(View<const float> dy, View<const float> source, View<float> dx, ActivationFunction function) {
  check_shape("activation_backward_input", "dy", dy.shape, source.shape);
  check_shape("activation_backward_input", "dx", dx.shape, source.shape);
  parallel_slices(dy.count(), kGrain, [&](Slice slice) {
    differentiate(function, dy.data + slice.offset, source.data + slice.offset, slice.count, dx.data + slice.offset);
  });
}

}  // namespace convoy::cpu
