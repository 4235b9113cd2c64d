// Operations and bytes of every pass of a layer.
#include <algorithm>
#include <vector>

#include "reference/model/layer.h"
#include "reference/model/overloaded.h"

namespace convoy {
namespace {

/// Work of a layer that is a matrix product per sample: `macs` multiply-adds, parameters w and b, x in and y out.
Work product_work(double macs, double weights, double biases, double x, double y, Pass pass, double element_bytes) {
  switch (pass) {
    case Pass::forward: return {2 * macs + (biases > 0 ? y : 0), (x + weights + biases) * element_bytes, y * element_bytes};
    case Pass::backward_input: return {2 * macs, (y + weights) * element_bytes, x * element_bytes};
    case Pass::backward_weights:  // accumulating: dw and db are read as well
      return {2 * macs + (biases > 0 ? y : 0), (x + y + weights + biases) * element_bytes, (weights + biases) * element_bytes};
  }
  return {};
}

/// Channels in the windows of all channels, clipped at the first and the last.
double window_channels(const LocalResponseNorm& norm, int channels) {
  double sum = 0;
  for (int c = 0; c < channels; ++c) sum += std::min(c + norm.behind(), channels - 1) - std::max(c - norm.before(), 0) + 1;
  return sum;
}

std::int64_t covered(const std::vector<PoolSpan>& spans) {
  std::int64_t rows = 0;
  for (const PoolSpan& span : spans) rows += span.end - span.begin;
  return rows;
}

/// Without what is fused.
Work work_of_kind(const Layer& layer, const Shape& x, Pass pass, DType dtype, int inputs) {
  const Shape y = output_shape(layer, x);
  const auto bytes = static_cast<double>(size_bytes(dtype));
  const auto nx = static_cast<double>(x.count());
  const auto ny = static_cast<double>(y.count());
  double weights = 0;
  double biases = 0;
  for (const ParameterShape& parameter : parameter_shapes(layer, x))
    (parameter.name == "weight" ? weights : biases) += static_cast<double>(parameter.shape.count());
  if (pass == Pass::backward_weights && weights == 0) return {};

  return std::visit(
      Overloaded{[&](const Conv2d& conv) {
                   const double macs = ny * (x.c / conv.groups) * conv.window.kernel_h * conv.window.kernel_w;
                   return product_work(macs, weights, biases, nx, ny, pass, bytes);
                 },
                 [&](const Linear&) {
                   return product_work(ny * static_cast<double>(x.sample_count()), weights, biases, nx, ny, pass, bytes);
                 },
                 [&](const MaxPool2d& pool) {
                   const double compares = ny * pool.window.kernel_h * pool.window.kernel_w;
                   if (pass == Pass::forward) return Work{compares, nx * bytes, ny * bytes};
                   return Work{compares + ny, (nx + ny) * bytes, nx * bytes};  // finds the maximum again, then adds dy
                 },
                 [&](const AvgPool2d& pool) {  // a sum over every window and a division, forward and backward
                   const double sums = ny * pool.window.kernel_h * pool.window.kernel_w + ny;
                   if (pass == Pass::forward) return Work{sums, nx * bytes, ny * bytes};
                   return Work{sums, ny * bytes, nx * bytes};
                 },
                 [&](const AdaptiveAvgPool2d& pool) {
                   const auto elements = static_cast<double>(covered(pool_spans_h(pool, x.h)) * covered(pool_spans_w(pool, x.w)));
                   const double sums = static_cast<double>(x.n) * x.c * elements + ny;
                   if (pass == Pass::forward) return Work{sums, nx * bytes, ny * bytes};
                   return Work{sums, ny * bytes, nx * bytes};
                 },
                 [&](const GlobalAvgPool2d&) {
                   if (pass == Pass::forward) return Work{nx + ny, nx * bytes, ny * bytes};
                   return Work{ny, ny * bytes, nx * bytes};
                 },
                 [&](const BatchNorm2d&) {
                   // forward: sums of x and x^2, then one multiply-add; and for each channel 8 operations for mean and deviation
                   // and 3 for scale and shift. backward_input: sums of dy and dy xhat (the latter needs xhat: a subtraction
                   // and a product), then dx from dy and xhat; for each channel mean and deviation twice and 4 more.
                   // backward_weights adds those sums to dw and db.
                   const double channels = nx > 0 ? x.c : 0;
                   const double c = 8.0 * channels;  // bytes of a sum, kept in double
                   if (pass == Pass::forward) return Work{5 * nx + 11 * channels, 2 * nx * bytes + 4 * c, nx * bytes + 2 * c};
                   if (pass == Pass::backward_input)
                     return Work{10 * nx + 20 * channels, 4 * nx * bytes + 6 * c, nx * bytes + 2 * c};
                   return Work{2.0 * x.c, 2 * c + (weights + biases) * bytes, (weights + biases) * bytes};
                 },
                 [&](const LocalResponseNorm& norm) {
                   // forward: a multiply-add for each channel of each window, scale, offset, power and product. backward: the
                   // same sum again and another one over the windows, and nine operations more.
                   const double windows = nx / std::max(x.c, 1) * window_channels(norm, x.c);
                   if (pass == Pass::forward) return Work{2 * windows + 4 * nx, nx * bytes, nx * bytes};
                   return Work{3 * windows + 9 * nx, 2 * nx * bytes, nx * bytes};
                 },
                 [&](const Add&) {
                   if (pass == Pass::forward) return Work{(inputs - 1) * nx, inputs * nx * bytes, nx * bytes};
                   return Work{};  // the gradient of every input is dy itself
                 },
                 [&](const Concat&) {
                   return Work{0, nx * bytes, nx * bytes};
                 },
                 [&](const ReLU&) {
                   if (pass == Pass::forward) return Work{nx, nx * bytes, ny * bytes};
                   return Work{nx, 2 * ny * bytes, nx * bytes};  // dy and y
                 },
                 [&](const Activation&) {
                   if (pass == Pass::forward) return Work{nx, nx * bytes, ny * bytes};
                   return Work{nx, 2 * ny * bytes, nx * bytes};  // dy, and x or y
                 },
                 [&](const Scale&) {
                   const double ns = static_cast<double>(x.n) * x.c;
                   if (pass == Pass::forward) return Work{nx, (nx + ns) * bytes, nx * bytes};
                   return Work{3 * nx, (2 * nx + ns) * bytes, (nx + ns) * bytes};  // dx = dy s, and ds sums dy x
                 },
                 [&](const ChannelSelect&) {
                   if (pass == Pass::forward) return Work{0, ny * bytes, ny * bytes};
                   return Work{0, ny * bytes, nx * bytes};
                 },
                 [&](const Dropout&) {
                   return Work{nx, nx * bytes, nx * bytes};
                 },
                 [&](const Flatten&) { return Work{}; },
                 [&](const SoftmaxCrossEntropy&) {
                   // forward: maximum, subtraction, exponential, sum, division; backward: subtraction and scaling. Labels are 4
                   // bytes.
                   if (pass == Pass::forward) return Work{5 * nx, nx * bytes + 4.0 * x.n, nx * bytes};
                   return Work{2 * nx, nx * bytes + 4.0 * x.n, nx * bytes};
                 }},
      layer);
}

/// What a fused ReLU or addition takes besides, see fuse.h.
Work work_of_fused(const Layer& layer, const Shape& x, Pass pass, double bytes) {
  const auto ny = static_cast<double>(output_shape(layer, x).count());
  const bool relu = has_fused_relu(layer);
  const auto* norm = std::get_if<BatchNorm2d>(&layer);
  const bool adds = norm != nullptr && norm->adds;
  if (pass == Pass::forward) return {(relu ? ny : 0) + (adds ? ny : 0), adds ? ny * bytes : 0, 0};
  if (!relu) return {};
  if (std::holds_alternative<Add>(layer)) return {ny, 2 * ny * bytes, ny * bytes};
  if (norm == nullptr) return {ny, ny * bytes, 0};
  if (pass == Pass::backward_weights) return {};  // that reads sums only
  // The masked dy is the gradient of what was added: written once and read from there; else both sums and dx mask dy by y.
  return adds ? Work{ny, ny * bytes, ny * bytes} : Work{2 * ny, 2 * ny * bytes, 0};
}

}  // namespace

Work work_of(const Layer& layer, const Shape& x, Pass pass, DType dtype, int inputs) {
  Work work = work_of_kind(layer, x, pass, dtype, inputs);
  if (pass != Pass::backward_weights || work != Work{})
    work += work_of_fused(layer, x, pass, static_cast<double>(size_bytes(dtype)));
  return work;
}

}  // namespace convoy
