/// Layers of one thread for each element: sums, copies of parts, ReLU, dropout, local response normalisation, and the update.
#pragma once

#include "reference/core/random.h"
#include "reference/cuda/ladder/add_bucket/3_vectorised.cuh"
#include "reference/cuda/layers/common.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

struct AddTwo {
  const float *a, *b;
  float* y;
  __device__ void operator()(int i) const { y[i] = a[i] + b[i]; }
};
/// From left to right, two at a time, as the CPU's does.
void sum(std::span<const View<const float>> xs, View<float> y) {
  require(!xs.empty(), "cuda::sum", "nothing to add");
  for (const View<const float>& x : xs) cpu::check_shape("cuda::sum", "x", x.shape, y.shape);
  if (xs.size() == 1) {
    if (xs[0].data != y.data) copy(y.data, xs[0].data, 4 * y.count());
    return;
  }
  for_each_element("sum", y.count(), AddTwo{xs[0].data, xs[1].data, y.data});
  for (std::size_t i = 2; i < xs.size(); ++i) for_each_element("sum", y.count(), AddTwo{y.data, xs[i].data, y.data});
}

template <bool kAdds>
struct MovePart {
  const float* from;
  float* to;
  Shape from_shape, to_shape;
  cpu::Part part;
  __device__ void operator()(int i) const {
    const int w = i % from_shape.w, h = i / from_shape.w % part.h, c = i / from_shape.w / part.h % part.c;
    const int n = i / from_shape.w / part.h / part.c;
    const int at_from = (((part.from_n + n) * from_shape.c + part.from_c + c) * from_shape.h + part.from_h + h) * from_shape.w + w;
    const int at_to = (((part.to_n + n) * to_shape.c + part.to_c + c) * to_shape.h + part.to_h + h) * to_shape.w + w;
    to[at_to] = kAdds ? to[at_to] + from[at_from] : from[at_from];
  }
};
template <bool kAdds>
inline void move_part(const char* op, View<const float> from, View<float> to, const cpu::Part& part) {
  cpu::check_part(op, from.shape, to.shape, part);
  count_of_elements(from.count(), op);
  count_of_elements(to.count(), op);
  for_each_element(op, std::int64_t{part.n} * part.c * part.h * from.shape.w,
                   MovePart<kAdds>{from.data, to.data, from.shape, to.shape, part});
}
void copy_part(View<const float> from, View<float> to, const cpu::Part& part) { move_part<false>("copy_part", from, to, part); }
void add_part(View<const float> from, View<float> to, const cpu::Part& part) { move_part<true>("add_part", from, to, part); }

struct ReluForward {
  const float* x;
  float* y;
  __device__ void operator()(int i) const {
    const float value = x[i];
    y[i] = value < 0 ? 0.0F : value;
  }
};
void relu_forward(View<const float> x, View<float> y) {
  cpu::check_shape("cuda::relu_forward", "y", y.shape, x.shape);
  for_each_element("relu_forward", x.count(), ReluForward{x.data, y.data});
}
struct ReluBackward {
  const float *dy, *y;
  float* dx;
  __device__ void operator()(int i) const {
    const float gradient = dy[i];
    dx[i] = y[i] <= 0 ? 0.0F : gradient;
  }
};
void relu_backward_input(View<const float> dy, View<const float> y, View<float> dx) {
  cpu::check_shape("cuda::relu_backward_input", "dy", dy.shape, y.shape);
  cpu::check_shape("cuda::relu_backward_input", "dx", dx.shape, y.shape);
  for_each_element("relu_backward_input", y.count(), ReluBackward{dy.data, y.data, dx.data});
}

/// mix64() of core/random.h, for kernels.
__device__ inline std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}
struct DropoutOp {
  const float* x;
  float* y;
  Shape shape;
  double probability;
  cpu::DropoutKey key;
  /// random_bits() of core/random.h with the keys that cpu::DropoutKey says.
  __device__ std::uint64_t bits(int n, int c, int h, int w) const {
    std::uint64_t state = mixed(key.seed);
    state = mixed(state ^ static_cast<std::uint64_t>(key.step));
    state = mixed(state ^ static_cast<std::uint64_t>(key.node));
    state = mixed(state ^ static_cast<std::uint64_t>(key.first_sample + n));
    state = mixed(state ^ static_cast<std::uint64_t>(key.first_channel + c));
    state = mixed(state ^ static_cast<std::uint64_t>(key.first_row + h));
    return mixed(state ^ static_cast<std::uint64_t>(w));
  }
  __device__ void operator()(int i) const {
    const int w = i % shape.w, h = i / shape.w % shape.h, c = i / shape.w / shape.h % shape.c, n = i / shape.w / shape.h / shape.c;
    const float value = x[i] * static_cast<float>(1.0 / (1.0 - probability));
    const bool dropped = static_cast<double>(bits(n, c, h, w) >> 11U) * 0x1.0p-53 < probability;
    y[i] = dropped ? 0.0F : value;
  }
};
void dropout_forward(View<const float> x, View<float> y, double probability, const cpu::DropoutKey& key) {
  cpu::check_dropout("cuda::dropout_forward", probability);
  cpu::check_shape("cuda::dropout_forward", "y", y.shape, x.shape);
  for_each_element("dropout_forward", x.count(), DropoutOp{x.data, y.data, x.shape, probability, key});
}
void dropout_backward_input(View<const float> dy, View<float> dx, double probability, const cpu::DropoutKey& key) {
  dropout_forward(dy, dx, probability, key);
}

struct ResponseNorm {
  Shape x_shape, y_shape;
  int before, behind, lead;
  float k, scale, beta;  ///< scale: alpha / size
  const float* x;
  __device__ int place(int n, int c, int pixel) const { return (n * x_shape.c + c) * x_shape.h * x_shape.w + pixel; }
  /// k + alpha / size * sum of squares around channel c of x.
  __device__ float denominator(int n, int c, int pixel) const {
    float squares = 0;
    for (int i = c - before; i <= c + behind; ++i) {
      if (i < 0 || i >= x_shape.c) continue;
      const float value = x[place(n, i, pixel)];
      squares += value * value;
    }
    return k + scale * squares;
  }
};
inline ResponseNorm response_norm(const Shape& x, const Shape& y, const LocalResponseNorm& norm, int lead, const float* data) {
  return {x, y, norm.before(), norm.behind(), lead, static_cast<float>(norm.k), static_cast<float>(norm.alpha / norm.size),
          static_cast<float>(norm.beta), data};
}
struct ResponseNormForward {
  ResponseNorm of;
  float* y;
  __device__ void operator()(int i) const {
    const int pixels = of.y_shape.h * of.y_shape.w;
    const int pixel = i % pixels, c = i / pixels % of.y_shape.c + of.lead, n = i / pixels / of.y_shape.c;
    y[i] = of.x[of.place(n, c, pixel)] * powf(of.denominator(n, c, pixel), -of.beta);
  }
};
void local_response_norm_forward(View<const float> x, View<float> y, const LocalResponseNorm& norm, int lead) {
  cpu::check_local_response_norm("cuda::local_response_norm_forward", x.shape, y.shape, norm, lead);
  for_each_element("local_response_norm_forward", y.count(),
                   ResponseNormForward{response_norm(x.shape, y.shape, norm, lead, x.data), y.data});
}
struct ResponseNormBackward {
  ResponseNorm of;
  const float* dy;
  float* dx;
  __device__ void operator()(int i) const {
    const int pixels = of.x_shape.h * of.x_shape.w;
    const int pixel = i % pixels, c = i / pixels % of.x_shape.c, n = i / pixels / of.x_shape.c;
    float sum = 0;  // of dy[j] x[j] d[j]^(-beta - 1) over the outputs whose window holds channel c
    float own = 0;  // dy[c] d[c]^-beta
    for (int channel = c - of.behind; channel <= c + of.before; ++channel) {
      const int j = channel - of.lead;
      if (j < 0 || j >= of.y_shape.c) continue;
      const float d = of.denominator(n, channel, pixel);
      const float scaled = dy[(n * of.y_shape.c + j) * pixels + pixel] * powf(d, -of.beta);
      sum += scaled * of.x[of.place(n, channel, pixel)] / d;
      if (channel == c) own = scaled;
    }
    dx[i] = own - 2 * of.scale * of.beta * of.x[i] * sum;
  }
};
void local_response_norm_backward_input(View<const float> dy, View<const float> x, View<float> dx, const LocalResponseNorm& norm,
                                        int lead) {
  cpu::check_local_response_norm("cuda::local_response_norm_backward_input", x.shape, dy.shape, norm, lead);
  cpu::check_shape("cuda::local_response_norm_backward_input", "dx", dx.shape, x.shape);
  for_each_element("local_response_norm_backward_input", dx.count(),
                   ResponseNormBackward{response_norm(x.shape, dy.shape, norm, lead, x.data), dy.data, dx.data});
}

struct SgdUpdate {
  float* w;
  const float* dw;
  float* momentum;  ///< null: none
  float learning_rate, momentum_factor, weight_decay, scale;
  bool nesterov;
  __device__ void operator()(int i) const {
    const float before = w[i];
    const float g = scale * (dw[i] + weight_decay * before);
    float step = g;
    if (momentum != nullptr) {
      const float v = momentum_factor * momentum[i] + g;
      momentum[i] = v;
      step = nesterov ? g + momentum_factor * v : v;
    }
    w[i] = before - learning_rate * step;
  }
};
void sgd_update(std::span<float> w, std::span<const float> dw, std::span<float> momentum, const cpu::SgdSettings& settings) {
  cpu::check_sgd("cuda::sgd_update", w.size(), dw.size(), momentum.size(), settings.momentum);
  for_each_element("sgd_update", static_cast<std::int64_t>(w.size()),
                   SgdUpdate{w.data(), dw.data(), momentum.empty() ? nullptr : momentum.data(), static_cast<float>(settings.learning_rate),
                             static_cast<float>(settings.momentum), static_cast<float>(settings.weight_decay),
                             static_cast<float>(settings.scale), settings.nesterov});
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
