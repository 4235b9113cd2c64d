#include "reference/model/layer.h"

#include <array>

#include "reference/core/error.h"
#include "reference/model/overloaded.h"

namespace convoy {
namespace {

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

constexpr std::array kFunctions = {"ReLU6", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "SiLU"};

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

}  // namespace convoy
