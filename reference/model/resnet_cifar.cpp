#include "reference/core/error.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"

namespace convoy {
namespace {

ConvNormNames names(const std::string& block, const std::string& number) {
  return {cat(block, ".conv", number), cat(block, ".bn", number)};
}

/// One residual block: two 3x3 convolutions beside a shortcut, added, then ReLU. Where the block has another stride or number of
/// channels than its input, the shortcut is a projection, a 1x1 convolution.
int add_block(ModelBuilder& net, const std::string& name, int input, int channels, bool halves) {
  const int stride = halves ? 2 : 1;
  int y = add_conv_norm(net, names(name, "1"), input, {channels, square_window(3, stride, 1), false});
  y = net.add(name + ".relu1", ReLU{}, {y});
  y = add_conv_norm(net, names(name, "2"), y, {channels, square_window(3, 1, 1), false});
  const int shortcut =
      halves ? add_conv_norm(net, names(name, "_shortcut"), input, {channels, square_window(1, stride), false}) : input;
  y = net.add(name + ".add", Add{}, {y, shortcut});
  return net.add(name + ".relu2", ReLU{}, {y});
}

/// 6 blocks + 2 weighted layers.
Model make_resnet(std::string name, const ModelOptions& options, int blocks) {
  ModelBuilder net(std::move(name), options, {1, 3, 32, 32}, 10);
  int y = add_conv_norm(net, names("stem", ""), kImages, {16, square_window(3, 1, 1), false});  // 16 x 32 x 32
  y = net.add("stem.relu", ReLU{}, {y});
  for (int stage = 1; stage <= 3; ++stage)  // 16 x 32 x 32, 32 x 16 x 16, 64 x 8 x 8
    for (int block = 0; block < blocks; ++block)
      y = add_block(net, cat("block", stage, "_", block), y, 8 << stage, stage > 1 && block == 0);
  net.add("pool", GlobalAvgPool2d{});  // 64
  net.add("fc", Linear{net.classes()});
  return net.finish();
}

}  // namespace

Model make_resnet20(const ModelOptions& options) { return make_resnet("resnet20", options, 3); }
Model make_resnet56(const ModelOptions& options) { return make_resnet("resnet56", options, 9); }

}  // namespace convoy
