#include "reference/core/error.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"

namespace convoy {
namespace {

/// Channels of an inception module: of the 1x1 branch, of both convolutions of the two 3x3 branches, and behind the pooling.
struct Module {
  int ones;
  int before_threes, threes;
  int before_fives, fives;  ///< called so after the paper, where they are 5x5; torchvision's are 3x3
  int pooled;
};

int add_module(ModelBuilder& net, const std::string& name, const Module& m) {
  const int x = net.last();
  const int ones = add_basic_conv(net, name + ".branch1", x, m.ones, square_window(1));
  int y = add_basic_conv(net, name + ".branch2.0", x, m.before_threes, square_window(1));
  const int threes = add_basic_conv(net, name + ".branch2.1", y, m.threes, square_window(3, 1, 1));
  y = add_basic_conv(net, name + ".branch3.0", x, m.before_fives, square_window(1));
  const int fives = add_basic_conv(net, name + ".branch3.1", y, m.fives, square_window(3, 1, 1));
  y = net.add(name + ".branch4.0", MaxPool2d{ceil_window(3, 1, 1)}, {x});
  const int pooled = add_basic_conv(net, name + ".branch4.1", y, m.pooled, square_window(1));
  return net.add(name + ".concat", Concat{}, {ones, threes, fives, pooled});
}

void add_head(ModelBuilder& net, const std::string& name, int input) {
  net.add(name + ".pool", AdaptiveAvgPool2d{4, 4}, {input});
  add_basic_conv(net, name + ".conv", net.last(), 128, square_window(1));
  net.add(name + ".flatten", Flatten{});  // 2,048
  net.add(name + ".fc1", Linear{1024});
  net.add(name + ".relu", ReLU{});
  net.add(name + ".dropout", Dropout{0.7});
  net.add(name + ".fc2", Linear{net.classes()});
  net.add(name + ".loss", SoftmaxCrossEntropy{.weight = 0.3});
}

Model make(std::string name, const ModelOptions& options, bool heads) {
  ModelBuilder net(std::move(name), options, {1, 3, 224, 224}, 1000);
  add_basic_conv(net, "conv1", kImages, 64, square_window(7, 2, 3));  // 64 x 112 x 112
  net.add("maxpool1", MaxPool2d{ceil_window(3, 2)});                  // 64 x 56 x 56
  add_basic_conv(net, "conv2", net.last(), 64, square_window(1));
  add_basic_conv(net, "conv3", net.last(), 192, square_window(3, 1, 1));
  net.add("maxpool2", MaxPool2d{ceil_window(3, 2)});  // 192 x 28 x 28
  add_module(net, "inception3a", {64, 96, 128, 16, 32, 32});
  add_module(net, "inception3b", {128, 128, 192, 32, 96, 64});
  net.add("maxpool3", MaxPool2d{ceil_window(3, 2)});  // 480 x 14 x 14
  const int first = add_module(net, "inception4a", {192, 96, 208, 16, 48, 64});
  add_module(net, "inception4b", {160, 112, 224, 24, 64, 64});
  add_module(net, "inception4c", {128, 128, 256, 24, 64, 64});
  const int second = add_module(net, "inception4d", {112, 144, 288, 32, 64, 64});
  const int fourth = add_module(net, "inception4e", {256, 160, 320, 32, 128, 128});
  if (heads) {
    add_head(net, "aux1", first);
    add_head(net, "aux2", second);
  }
  net.add("maxpool4", MaxPool2d{ceil_window(2, 2)}, {fourth});  // 832 x 7 x 7
  add_module(net, "inception5a", {256, 160, 320, 32, 128, 128});
  add_module(net, "inception5b", {384, 192, 384, 48, 128, 128});
  net.add("avgpool", GlobalAvgPool2d{});  // 1,024
  net.add("dropout", Dropout{0.2});
  net.add("fc", Linear{net.classes()});
  return net.finish();
}

}  // namespace

Model make_googlenet(const ModelOptions& options) { return make("googlenet", options, false); }
Model make_googlenet_aux(const ModelOptions& options) { return make("googlenet_aux", options, true); }

}  // namespace convoy
