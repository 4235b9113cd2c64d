#include <array>

#include "reference/core/error.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"

namespace convoy {
namespace {

int add_conv_relu(ModelBuilder& net, const std::string& name, int input, const Conv2d& conv) {
  const int y = net.add(name, conv, {input});
  return net.add(name + "_activation", ReLU{}, {y});
}

/// A fire module: few channels, then 1x1 and 3x3 convolutions of them side by side.
void add_fire(ModelBuilder& net, const std::string& name, int squeeze, int expand) {
  const int y = add_conv_relu(net, name + ".squeeze", net.last(), {squeeze, square_window(1)});
  const int ones = add_conv_relu(net, name + ".expand1x1", y, {expand, square_window(1)});
  const int threes = add_conv_relu(net, name + ".expand3x3", y, {expand, square_window(3, 1, 1)});
  net.add(name + ".concat", Concat{}, {ones, threes});
}

/// Channels of the eight modules, which torchvision numbers with the poolings between them.
struct Fire {
  int number, squeeze, expand;
};
constexpr std::array kFires = {Fire{3, 16, 64},  Fire{4, 16, 64},   Fire{6, 32, 128},  Fire{7, 32, 128},
                               Fire{9, 48, 192}, Fire{10, 48, 192}, Fire{11, 64, 256}, Fire{12, 64, 256}};

}  // namespace

Model make_squeezenet1_1(const ModelOptions& options) {
  ModelBuilder net("squeezenet1_1", options, {1, 3, 224, 224}, 1000);
  net.add("features.0", Conv2d{64, square_window(3, 2)});  // 64 x 111 x 111
  net.add("features.1", ReLU{});
  net.add("features.2", MaxPool2d{ceil_window(3, 2)});  // 64 x 55 x 55
  for (const Fire& fire : kFires) {
    if (fire.number == 6 || fire.number == 9)  // 27 x 27, 13 x 13
      net.add(cat("features.", fire.number - 1), MaxPool2d{ceil_window(3, 2)});
    add_fire(net, cat("features.", fire.number), fire.squeeze, fire.expand);
  }
  net.add("classifier.0", Dropout{0.5});
  net.add("classifier.1", Conv2d{net.classes(), square_window(1)});
  net.add("classifier.2", ReLU{});
  net.add("classifier.3", GlobalAvgPool2d{});
  return net.finish();
}

}  // namespace convoy
