#include <array>

#include "reference/core/error.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"

namespace convoy {
namespace {

constexpr int kGrowth = 32;

/// BatchNorm2d, ReLU and a convolution, in this order.
int add_norm_conv(ModelBuilder& net, const std::string& name, const std::string& number, int input, const Conv2d& conv) {
  net.add(cat(name, ".norm", number), BatchNorm2d{}, {input});
  net.add(cat(name, ".relu", number), ReLU{});
  return net.add(cat(name, ".conv", number), conv);
}

/// Every layer reads what the block reads and what all layers before it made, and makes kGrowth channels more.
int add_dense_block(ModelBuilder& net, const std::string& name, int input, int layers) {
  std::vector<int> made = {input};
  for (int i = 1; i <= layers; ++i) {
    const std::string layer = cat(name, ".denselayer", i);
    const int all = made.size() == 1 ? input : net.add(layer + ".concat", Concat{}, made);
    add_norm_conv(net, layer, "1", all, {4 * kGrowth, square_window(1), false});
    made.push_back(add_norm_conv(net, layer, "2", net.last(), {kGrowth, square_window(3, 1, 1), false}));
  }
  return net.add(name + ".concat", Concat{}, made);
}

}  // namespace

Model make_densenet121(const ModelOptions& options) {
  ModelBuilder net("densenet121", options, {1, 3, 224, 224}, 1000);
  add_conv_norm(net, {"features.conv0", "features.norm0"}, kImages, {64, square_window(7, 2, 3), false});  // 64 x 112 x 112
  net.add("features.relu0", ReLU{});
  int y = net.add("features.pool0", MaxPool2d{square_window(3, 2, 1)});  // 64 x 56 x 56
  constexpr std::array layers = {6, 12, 24, 16};
  int channels = 64;
  for (std::size_t block = 1; block <= layers.size(); ++block) {  // 56 x 56, 28 x 28, 14 x 14, 7 x 7
    y = add_dense_block(net, cat("features.denseblock", block), y, layers.at(block - 1));
    channels += layers.at(block - 1) * kGrowth;
    if (block == layers.size()) break;
    const std::string transition = cat("features.transition", block);
    channels /= 2;
    add_norm_conv(net, transition, "", y, {channels, square_window(1), false});
    y = net.add(transition + ".pool", AvgPool2d{square_window(2, 2)});
  }
  net.add("features.norm5", BatchNorm2d{});
  net.add("relu", ReLU{});
  net.add("avgpool", GlobalAvgPool2d{});
  net.add("classifier", Linear{net.classes()});
  return net.finish();
}

}  // namespace convoy
