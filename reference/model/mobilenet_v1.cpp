#include <array>

#include "reference/core/error.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"

namespace convoy {
namespace {

/// A 3x3 convolution of every channel alone, then a 1x1 convolution of all: few multiply-adds for what they reach.
struct Separable {
  int channels;  ///< after the 1x1 convolution
  int stride;    ///< of the 3x3 convolution
};
constexpr std::array kBlocks = {Separable{64, 1},  Separable{128, 2},  Separable{128, 1}, Separable{256, 2}, Separable{256, 1},
                                Separable{512, 2}, Separable{512, 1},  Separable{512, 1}, Separable{512, 1}, Separable{512, 1},
                                Separable{512, 1}, Separable{1024, 2}, Separable{1024, 1}};

void add_conv_norm_relu(ModelBuilder& net, const std::string& name, const Conv2d& conv) {
  add_conv_norm(net, {name + ".conv", name + ".bn"}, net.last(), conv);
  net.add(name + ".relu", ReLU{});
}

}  // namespace

Model make_mobilenet_v1(const ModelOptions& options) {
  ModelBuilder net("mobilenet_v1", options, {1, 3, 224, 224}, 1000);
  int channels = 32;
  add_conv_norm_relu(net, "stem", {channels, square_window(3, 2, 1), false});  // 32 x 112 x 112
  for (std::size_t i = 0; i < kBlocks.size(); ++i) {
    const Separable& block = kBlocks.at(i);
    add_conv_norm_relu(net, cat("block", i, ".depthwise"), {channels, square_window(3, block.stride, 1), false, channels});
    channels = block.channels;
    add_conv_norm_relu(net, cat("block", i, ".pointwise"), {channels, square_window(1), false});
  }
  net.add("pool", GlobalAvgPool2d{});  // 1,024
  net.add("fc", Linear{net.classes()});
  return net.finish();
}

}  // namespace convoy
