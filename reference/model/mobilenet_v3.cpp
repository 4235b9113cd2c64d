#include <span>

#include "reference/model/inverted_residual.h"
#include "reference/model/zoo.h"

namespace convoy {
namespace {

constexpr bool kGate = true, kNoGate = false, kSwish = true, kRelu = false;

/// A row of tables 1 and 2 of Howard et al. 2019.
struct Bottleneck {
  int kernel, expanded, out;
  bool gate, swish;
  int stride;
};
constexpr Bottleneck kLarge[] = {
    {3, 16, 16, kNoGate, kRelu, 1},   {3, 64, 24, kNoGate, kRelu, 2},   {3, 72, 24, kNoGate, kRelu, 1},
    {5, 72, 40, kGate, kRelu, 2},     {5, 120, 40, kGate, kRelu, 1},    {5, 120, 40, kGate, kRelu, 1},
    {3, 240, 80, kNoGate, kSwish, 2}, {3, 200, 80, kNoGate, kSwish, 1}, {3, 184, 80, kNoGate, kSwish, 1},
    {3, 184, 80, kNoGate, kSwish, 1}, {3, 480, 112, kGate, kSwish, 1},  {3, 672, 112, kGate, kSwish, 1},
    {5, 672, 160, kGate, kSwish, 2},  {5, 960, 160, kGate, kSwish, 1},  {5, 960, 160, kGate, kSwish, 1}};
constexpr Bottleneck kSmall[] = {{3, 16, 16, kGate, kRelu, 2},   {3, 72, 24, kNoGate, kRelu, 2}, {3, 88, 24, kNoGate, kRelu, 1},
                                 {5, 96, 40, kGate, kSwish, 2},  {5, 240, 40, kGate, kSwish, 1}, {5, 240, 40, kGate, kSwish, 1},
                                 {5, 120, 48, kGate, kSwish, 1}, {5, 144, 48, kGate, kSwish, 1}, {5, 288, 96, kGate, kSwish, 2},
                                 {5, 576, 96, kGate, kSwish, 1}, {5, 576, 96, kGate, kSwish, 1}};

Model make(const std::string& name, const ModelOptions& options, std::span<const Bottleneck> rows, int last_channels) {
  constexpr double epsilon = 1e-3;
  ModelBuilder net(name, options, {1, 3, 224, 224}, 1000);
  const Layer swish = Activation{ActivationFunction::hard_swish};
  int channels = 16;
  int y = add_conv_norm_activation(net, "features.0", kImages, {channels, square_window(3, 2, 1), false}, epsilon, swish);
  int number = 1;
  for (const Bottleneck& row : rows) {
    InvertedResidual block{.kernel = row.kernel,
                           .expanded = row.expanded,
                           .out = row.out,
                           .stride = row.stride,
                           .activation = row.swish ? swish : Layer{ReLU{}},
                           .epsilon = epsilon};
    if (row.gate) block.squeeze = Squeeze{rounded_channels(row.expanded / 4), ActivationFunction::hard_sigmoid};
    y = add_inverted_residual(net, cat("features.", number++, ".block"), y, channels, block);
    channels = row.out;
  }
  add_conv_norm_activation(net, cat("features.", number), y, {6 * channels, square_window(1), false}, epsilon, swish);
  net.add("avgpool", GlobalAvgPool2d{});
  net.add("classifier.0", Linear{last_channels});
  net.add("classifier.1", swish);
  net.add("classifier.2", Dropout{0.2});
  net.add("classifier.3", Linear{net.classes()});
  return net.finish();
}

}  // namespace

Model make_mobilenet_v3_large(const ModelOptions& options) { return make("mobilenet_v3_large", options, kLarge, 1280); }
Model make_mobilenet_v3_small(const ModelOptions& options) { return make("mobilenet_v3_small", options, kSmall, 1024); }

}  // namespace convoy
