#include <array>

#include "reference/model/inverted_residual.h"
#include "reference/model/zoo.h"

namespace convoy {
namespace {

/// `count` blocks, the first of which has the stride (Sandler et al. 2018, table 2).
struct Stage {
  int expansion, channels, count, stride;
};
constexpr std::array kStages = {Stage{1, 16, 1, 1}, Stage{6, 24, 2, 2},  Stage{6, 32, 3, 2}, Stage{6, 64, 4, 2},
                                Stage{6, 96, 3, 1}, Stage{6, 160, 3, 2}, Stage{6, 320, 1, 1}};

/// The block by torchvision's names: NAME.conv.0.0 and so on; only the last convolution and its norm stand a level higher.
int add_block(ModelBuilder& net, const std::string& name, int input, int channels, const InvertedResidual& block) {
  int part = 0, y = input;
  if (block.expanded != channels)
    y = add_conv_norm_activation(net, cat(name, ".conv.", part++), y, {block.expanded, square_window(1), false}, block.epsilon,
                                 block.activation);
  const Conv2d depthwise{block.expanded, square_window(3, block.stride, 1), false, block.expanded};
  y = add_conv_norm_activation(net, cat(name, ".conv.", part++), y, depthwise, block.epsilon, block.activation);
  y = add_conv_norm(net, {cat(name, ".conv.", part), cat(name, ".conv.", part + 1)}, y, {block.out, square_window(1), false});
  return block.stride == 1 && channels == block.out ? net.add(name + ".add", Add{}, {y, input}) : y;
}

}  // namespace

Model make_mobilenet_v2(const ModelOptions& options) {
  ModelBuilder net("mobilenet_v2", options, {1, 3, 224, 224}, 1000);
  const Layer relu6 = Activation{ActivationFunction::relu6};
  int channels = 32;
  int y = add_conv_norm_activation(net, "features.0", kImages, {channels, square_window(3, 2, 1), false}, 1e-5, relu6);
  int number = 1;
  for (const Stage& stage : kStages)  // 112 x 112 to 7 x 7
    for (int i = 0; i < stage.count; ++i) {
      y = add_block(net, cat("features.", number++), y, channels,
                    {.expanded = channels * stage.expansion,
                     .out = stage.channels,
                     .stride = i == 0 ? stage.stride : 1,
                     .activation = relu6});
      channels = stage.channels;
    }
  add_conv_norm_activation(net, cat("features.", number), y, {1280, square_window(1), false}, 1e-5, relu6);
  net.add("avgpool", GlobalAvgPool2d{});
  net.add("classifier.0", Dropout{0.2});
  net.add("classifier.1", Linear{net.classes()});
  return net.finish();
}

}  // namespace convoy
