#include "reference/model/layer.h"

#include <algorithm>
#include <array>

#include "reference/core/error.h"

namespace convoy {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;  // clang deduces it on its own from version 17 on only

void require_window(std::string_view where, const Window& window, const Shape& x) {
  require(window.kernel_h > 0 && window.kernel_w > 0 && window.stride_h > 0 && window.stride_w > 0, where,
          "kernel and stride must be positive, got kernel ", window.kernel_h, "x", window.kernel_w, " stride ", window.stride_h,
          "x", window.stride_w);
  require(window.dilation_h > 0 && window.dilation_w > 0, where, "dilation must be positive, got ", window.dilation_h, "x",
          window.dilation_w);
  require(window.padding_w >= 0 && window.padding_h < window.span_h() && window.padding_w < window.span_w(), where,
          "padding must be at least 0 and less than the kernel, got ", window.padding_h, "x", window.padding_w);
  require(x.h + 2 * window.padding_h + window.extra_below >= window.span_h() && x.w + 2 * window.padding_w >= window.span_w(),
          where, "a ", window.span_h(), "x", window.span_w(), " window does not fit into an input of ", x.h, "x", x.w,
          " with padding ", window.padding_h, "x", window.padding_w);
}

void require_pool_window(std::string_view where, const Window& window, const Shape& x) {
  require_window(where, window, x);
  require(window.dilation_h == 1 && window.dilation_w == 1, where, "has no dilation, got ", window.dilation_h, "x",
          window.dilation_w);
}

std::string describe(const Window& window) {
  std::string text = cat(window.kernel_h, "x", window.kernel_w);
  if (window.stride_h != 1 || window.stride_w != 1)
    text += cat(", stride ", window.stride_h, window.stride_h == window.stride_w ? "" : cat("x", window.stride_w));
  if (window.padding_h != 0 || window.padding_w != 0)
    text += cat(", padding ", window.padding_h, window.padding_h == window.padding_w ? "" : cat("x", window.padding_w));
  if (window.dilation_h != 1 || window.dilation_w != 1)
    text += cat(", dilation ", window.dilation_h, window.dilation_h == window.dilation_w ? "" : cat("x", window.dilation_w));
  if (window.ceil_mode) text += ", ceil";
  return text;
}

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

/// One direction of a pooling window: `outputs` of them on `extent` rows or columns. As PyTorch counts: a window's elements end
/// with the padding, also where ceil_mode lets it reach further.
struct PoolDirection {
  int extent, outputs, kernel, stride, padding;
};
std::vector<PoolSpan> spans_of(const PoolDirection& d, bool count_padding) {
  std::vector<PoolSpan> spans;
  for (int p = 0; p < d.outputs; ++p) {
    const int first = p * d.stride - d.padding;
    const int last = std::min(first + d.kernel, d.extent + d.padding);
    const int begin = std::max(first, 0);
    const int end = std::min(last, d.extent);
    spans.push_back({begin, end, count_padding ? last - first : end - begin});
  }
  return spans;
}

std::vector<PoolSpan> adaptive_spans(int extent, int outputs) {
  std::vector<PoolSpan> spans;
  for (std::int64_t p = 0; p < outputs; ++p) {
    const auto begin = static_cast<int>(p * extent / outputs);
    const auto end = static_cast<int>(((p + 1) * extent + outputs - 1) / outputs);
    spans.push_back({begin, end, end - begin});
  }
  return spans;
}

constexpr std::array kFunctions = {"ReLU6", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "SiLU"};

std::int64_t covered(const std::vector<PoolSpan>& spans) {
  std::int64_t rows = 0;
  for (const PoolSpan& span : spans) rows += span.end - span.begin;
  return rows;
}

}  // namespace

Window square_window(int kernel, int stride, int padding) { return {kernel, kernel, stride, stride, padding, padding}; }

Window dilated_window(int kernel, int dilation, int stride, int padding) {
  Window window = square_window(kernel, stride, padding);
  window.dilation_h = window.dilation_w = dilation;
  return window;
}

Window ceil_window(int kernel, int stride, int padding) {
  Window window = square_window(kernel, stride, padding);
  window.ceil_mode = true;
  return window;
}

std::vector<PoolSpan> pool_spans_h(const AvgPool2d& pool, int extent) {
  const Window& w = pool.window;
  return spans_of({extent, w.output_h(extent), w.kernel_h, w.stride_h, w.padding_h}, pool.count_include_pad);
}
std::vector<PoolSpan> pool_spans_w(const AvgPool2d& pool, int extent) {
  const Window& w = pool.window;
  return spans_of({extent, w.output_w(extent), w.kernel_w, w.stride_w, w.padding_w}, pool.count_include_pad);
}
std::vector<PoolSpan> pool_spans_h(const AdaptiveAvgPool2d& pool, int extent) { return adaptive_spans(extent, pool.output_h); }
std::vector<PoolSpan> pool_spans_w(const AdaptiveAvgPool2d& pool, int extent) { return adaptive_spans(extent, pool.output_w); }

bool keeps_zero(ActivationFunction function) {
  return function != ActivationFunction::sigmoid && function != ActivationFunction::hard_sigmoid;
}

bool differentiates_output(ActivationFunction function) {
  return function != ActivationFunction::hard_swish && function != ActivationFunction::silu;
}

std::string_view kind_name(const Layer& layer) {
  if (const auto* activation = std::get_if<Activation>(&layer))
    return kFunctions.at(static_cast<std::size_t>(activation->function));
  return std::visit(
      Overloaded{[](const Conv2d&) { return "Conv2d"; }, [](const MaxPool2d&) { return "MaxPool2d"; },
                 [](const AvgPool2d&) { return "AvgPool2d"; }, [](const AdaptiveAvgPool2d&) { return "AdaptiveAvgPool2d"; },
                 [](const GlobalAvgPool2d&) { return "GlobalAvgPool2d"; }, [](const ReLU&) { return "ReLU"; },
                 [](const Activation&) { return "Activation"; }, [](const BatchNorm2d&) { return "BatchNorm2d"; },
                 [](const LocalResponseNorm&) { return "LocalResponseNorm"; }, [](const Add&) { return "Add"; },
                 [](const Concat&) { return "Concat"; }, [](const Scale&) { return "Scale"; },
                 [](const ChannelSelect&) { return "ChannelSelect"; }, [](const Linear&) { return "Linear"; },
                 [](const Flatten&) { return "Flatten"; }, [](const Dropout&) { return "Dropout"; },
                 [](const SoftmaxCrossEntropy&) { return "SoftmaxCrossEntropy"; }},
      layer);
}

namespace {

/// The settings of one kind.
std::string describe_kind(const Layer& layer) {
  const std::string kind(kind_name(layer));
  return std::visit(
      Overloaded{[&](const Conv2d& conv) {
                   return cat(kind, " ", describe(conv.window), ", ", conv.out_channels, " filters",
                              conv.groups == 1 ? std::string() : cat(", ", conv.groups, " groups"));
                 },
                 [&](const LocalResponseNorm& norm) { return cat(kind, " over ", norm.size, " channels"); },
                 [&](const MaxPool2d& pool) { return cat(kind, " ", describe(pool.window)); },
                 [&](const AvgPool2d& pool) {
                   return cat(kind, " ", describe(pool.window), pool.count_include_pad ? "" : ", without padding");
                 },
                 [&](const AdaptiveAvgPool2d& pool) { return cat(kind, " to ", pool.output_h, "x", pool.output_w); },
                 [&](const SoftmaxCrossEntropy& loss) {
                   return cat(kind, loss.label_smoothing == 0 ? std::string() : cat(", smoothing ", loss.label_smoothing),
                              loss.weight == 1 ? std::string() : cat(", weight ", loss.weight));
                 },
                 [&](const Linear& linear) { return cat(kind, " to ", linear.out_features); },
                 [&](const ChannelSelect& select) {
                   return cat(kind, " ", select.first, " to ", select.first + select.count - 1,
                              select.groups == 1 ? std::string() : cat(", ", select.groups, " groups shuffled"));
                 },
                 [&](const Dropout& dropout) { return cat(kind, " ", dropout.probability); }, [&](const auto&) { return kind; }},
      layer);
}

}  // namespace

std::string describe(const Layer& layer) {
  const auto* norm = std::get_if<BatchNorm2d>(&layer);
  return describe_kind(layer) + (norm != nullptr && norm->adds ? " + Add" : "") + (has_fused_relu(layer) ? " + ReLU" : "");
}

Shape output_shape(const Layer& layer, const Shape& x) {
  return std::visit(
      Overloaded{[&](const Conv2d& conv) {
                   require_window("Conv2d", conv.window, x);
                   require(!conv.window.ceil_mode, "Conv2d", "has no ceil mode: only poolings have one");
                   require(conv.out_channels > 0, "Conv2d", "needs at least one filter, got ", conv.out_channels);
                   require(conv.groups > 0 && x.c % conv.groups == 0 && conv.out_channels % conv.groups == 0, "Conv2d",
                           conv.groups, " groups do not divide ", x.c, " channels and ", conv.out_channels, " filters");
                   return Shape{x.n, conv.out_channels, conv.window.output_h(x.h), conv.window.output_w(x.w)};
                 },
                 [&](const MaxPool2d& pool) {
                   require_pool_window("MaxPool2d", pool.window, x);
                   return Shape{x.n, x.c, pool.window.output_h(x.h), pool.window.output_w(x.w)};
                 },
                 [&](const AvgPool2d& pool) {
                   require_pool_window("AvgPool2d", pool.window, x);
                   return Shape{x.n, x.c, pool.window.output_h(x.h), pool.window.output_w(x.w)};
                 },
                 [&](const AdaptiveAvgPool2d& pool) {
                   require(pool.output_h > 0 && pool.output_w > 0 && x.h > 0 && x.w > 0, "AdaptiveAvgPool2d",
                           "needs at least one row and column of output and input, got ", pool.output_h, "x", pool.output_w,
                           " from ", x.h, "x", x.w);
                   return Shape{x.n, x.c, pool.output_h, pool.output_w};
                 },
                 [&](const Linear& linear) {
                   require(linear.out_features > 0, "Linear", "needs at least one output, got ", linear.out_features);
                   return Shape{x.n, linear.out_features, 1, 1};
                 },
                 [&](const Flatten&) {
                   return Shape{x.n, static_cast<int>(x.sample_count()), 1, 1};
                 },
                 [&](const Dropout& dropout) {
                   require(dropout.probability >= 0 && dropout.probability < 1, "Dropout", "probability must be in [0, 1), got ",
                           dropout.probability);
                   return x;
                 },
                 [&](const SoftmaxCrossEntropy& loss) {
                   require(x.h == 1 && x.w == 1, "SoftmaxCrossEntropy", "expects logits [N,C,1,1], got ", to_string(x));
                   require(loss.label_smoothing >= 0 && loss.label_smoothing <= 1 && loss.weight > 0, "SoftmaxCrossEntropy",
                           "label smoothing must be in [0, 1] and the weight positive, got ", loss.label_smoothing, " and ",
                           loss.weight);
                   return x;
                 },
                 [&](const GlobalAvgPool2d&) {
                   return Shape{x.n, x.c, 1, 1};
                 },
                 [&](const BatchNorm2d& norm) {
                   require(norm.epsilon > 0 && norm.momentum >= 0 && norm.momentum <= 1, "BatchNorm2d",
                           "epsilon must be positive and momentum in [0, 1], got ", norm.epsilon, " and ", norm.momentum);
                   return x;
                 },
                 [&](const LocalResponseNorm& norm) {
                   require(norm.size > 0 && norm.k > 0 && norm.alpha >= 0, "LocalResponseNorm",
                           "size and k must be positive and alpha at least 0, got ", norm.size, ", ", norm.k, " and ",
                           norm.alpha);
                   return x;
                 },
                 [&](const ChannelSelect& select) {
                   require(select.first >= 0 && select.count > 0 && select.first + select.count <= x.c && select.groups > 0 &&
                               select.count % select.groups == 0,
                           "ChannelSelect", "channels ", select.first, " to ", select.first + select.count - 1, " in ",
                           select.groups, " groups, of ", x.c);
                   return Shape{x.n, select.count, x.h, x.w};
                 },
                 [&](const auto&) { return x; }},  // ReLU, Activation, Add, Concat, Scale
      layer);
}

bool has_several_inputs(const Layer& layer) {
  const auto* norm = std::get_if<BatchNorm2d>(&layer);
  return std::holds_alternative<Add>(layer) || std::holds_alternative<Concat>(layer) || std::holds_alternative<Scale>(layer) ||
         (norm != nullptr && norm->adds);
}

bool dx_reads_input(const Layer& layer) {
  if (const auto* activation = std::get_if<Activation>(&layer)) return !differentiates_output(activation->function);
  return std::holds_alternative<MaxPool2d>(layer) || std::holds_alternative<LocalResponseNorm>(layer) ||
         std::holds_alternative<BatchNorm2d>(layer) || std::holds_alternative<Scale>(layer);
}

bool dx_reads_output(const Layer& layer) {
  if (const auto* activation = std::get_if<Activation>(&layer)) return differentiates_output(activation->function);
  return std::holds_alternative<ReLU>(layer) || std::holds_alternative<SoftmaxCrossEntropy>(layer);
}

bool has_fused_relu(const Layer& layer) {
  return std::visit(
      [](const auto& l) {
        if constexpr (requires { l.relu; }) return l.relu;
        return false;
      },
      layer);
}

Shape output_shape(const Layer& layer, std::span<const Shape> inputs) {
  require(!inputs.empty(), kind_name(layer), "has no input");
  if (!has_several_inputs(layer)) {
    require(inputs.size() == 1, kind_name(layer), "reads one node, got ", inputs.size());
    return output_shape(layer, inputs.front());
  }
  const bool concat = std::holds_alternative<Concat>(layer);
  const bool scale = std::holds_alternative<Scale>(layer);
  require(!std::holds_alternative<BatchNorm2d>(layer) || inputs.size() == 2, "BatchNorm2d",
          "with an addition reads two nodes, got ", inputs.size());
  require(!scale || inputs.size() == 2, "Scale", "reads two nodes, got ", inputs.size());
  Shape y = concat ? inputs.front() : output_shape(layer, inputs.front());
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    Shape expected = inputs.front();
    if (concat) expected.c = inputs[i].c;
    if (scale) expected.h = expected.w = 1;
    require(inputs[i] == expected, kind_name(layer), "input ", i, " is ", to_string(inputs[i]), ", input 0 is ",
            to_string(inputs.front()));
    if (concat) y.c += inputs[i].c;
  }
  return y;
}

std::vector<ParameterShape> parameter_shapes(const Layer& layer, const Shape& x) {
  std::vector<ParameterShape> shapes;
  if (const auto* conv = std::get_if<Conv2d>(&layer)) {
    shapes.push_back({"weight", {conv->out_channels, x.c / conv->groups, conv->window.kernel_h, conv->window.kernel_w}});
    if (conv->bias) shapes.push_back({"bias", {1, conv->out_channels, 1, 1}});
  } else if (const auto* linear = std::get_if<Linear>(&layer)) {
    shapes.push_back({"weight", {linear->out_features, static_cast<int>(x.sample_count()), 1, 1}});
    if (linear->bias) shapes.push_back({"bias", {1, linear->out_features, 1, 1}});
  } else if (std::holds_alternative<BatchNorm2d>(layer)) {
    shapes.push_back({"weight", {1, x.c, 1, 1}});
    shapes.push_back({"bias", {1, x.c, 1, 1}});
  }
  return shapes;
}

std::vector<ParameterShape> state_shapes(const Layer& layer, const Shape& x) {
  if (!std::holds_alternative<BatchNorm2d>(layer)) return {};
  return {{"running_mean", {1, x.c, 1, 1}}, {"running_var", {1, x.c, 1, 1}}};
}

namespace {

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
