#include <array>

#include "reference/core/error.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"

namespace convoy {
namespace {

/// What distinguishes the networks of the family.
struct Family {
  std::string name;
  std::array<int, 4> blocks;
  bool bottleneck = true;
  int groups = 1;
  int group_width = 64;  ///< channels of the 3x3 convolutions of the first stage, by group
};

/// One convolution of a block.
struct BlockConv {
  int number;
  int filters;
  Window window;
  int groups = 1;
};

/// A stage's block: 3x3, 3x3, or with a bottleneck 1x1, 3x3, 1x1 with four times the channels; beside it a shortcut, which is a
/// projection where the shapes differ.
int add_block(ModelBuilder& net, const Family& family, const std::string& name, int input, int planes, int stride,
              bool projects) {
  std::vector<BlockConv> convs = {{1, planes, square_window(3, stride, 1)}, {2, planes, square_window(3, 1, 1)}};
  if (family.bottleneck) {
    const int width = planes * family.group_width / 64 * family.groups;
    convs = {
        {1, width, square_window(1)}, {2, width, square_window(3, stride, 1), family.groups}, {3, planes * 4, square_window(1)}};
  }
  int y = input;
  for (const BlockConv& conv : convs) {
    if (y != input) y = net.add(cat(name, ".relu", conv.number - 1), ReLU{}, {y});
    y = add_conv_norm(net, {cat(name, ".conv", conv.number), cat(name, ".bn", conv.number)}, y,
                      {conv.filters, conv.window, false, conv.groups});
  }
  int shortcut = input;
  if (projects)
    shortcut = add_conv_norm(net, {name + ".downsample.0", name + ".downsample.1"}, input,
                             {convs.back().filters, square_window(1, stride), false});
  y = net.add(name + ".add", Add{}, {y, shortcut});
  return net.add(cat(name, ".relu", convs.back().number), ReLU{}, {y});
}

Model make_resnet(const Family& family, const ModelOptions& options) {
  ModelBuilder net(family.name, options, {1, 3, 224, 224}, 1000);
  int y = add_conv_norm(net, {"conv1", "bn1"}, kImages, {64, square_window(7, 2, 3), false});  // 64 x 112 x 112
  y = net.add("relu", ReLU{}, {y});
  y = net.add("maxpool", MaxPool2d{square_window(3, 2, 1)}, {y});  // 64 x 56 x 56
  for (int stage = 0; stage < 4; ++stage) {                        // 56 x 56, 28 x 28, 14 x 14, 7 x 7
    for (int block = 0; block < family.blocks.at(static_cast<std::size_t>(stage)); ++block) {
      const bool first = block == 0;
      y = add_block(net, family, cat("layer", stage + 1, ".", block), y, 64 << stage, first && stage > 0 ? 2 : 1,
                    first && (stage > 0 || family.bottleneck));
    }
  }
  net.add("avgpool", GlobalAvgPool2d{});
  net.add("fc", Linear{net.classes()});
  return net.finish();
}

}  // namespace

Model make_resnet18(const ModelOptions& options) { return make_resnet({"resnet18", {2, 2, 2, 2}, false}, options); }
Model make_resnet34(const ModelOptions& options) { return make_resnet({"resnet34", {3, 4, 6, 3}, false}, options); }
Model make_resnet50(const ModelOptions& options) { return make_resnet({"resnet50", {3, 4, 6, 3}}, options); }
Model make_resnet101(const ModelOptions& options) { return make_resnet({"resnet101", {3, 4, 23, 3}}, options); }
Model make_resnet152(const ModelOptions& options) { return make_resnet({"resnet152", {3, 8, 36, 3}}, options); }
Model make_resnext50(const ModelOptions& options) { return make_resnet({"resnext50", {3, 4, 6, 3}, true, 32, 4}, options); }

}  // namespace convoy
