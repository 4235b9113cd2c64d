// Shapes of outputs, of learned tensors and of running statistics, and what a layer demands of its input.
#include <string_view>

#include "reference/core/error.h"
#include "reference/model/layer.h"
#include "reference/model/overloaded.h"

namespace convoy {
namespace {

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

}  // namespace

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

}  // namespace convoy
