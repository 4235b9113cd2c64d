#include <array>

#include "reference/core/error.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"

namespace convoy {
namespace {

/// Convolutions of a branch, called NAME.0, NAME.1 and so on: layers count, as in torchvision.
class Branch {
 public:
  Branch(ModelBuilder& net, std::string name, int input) : net_(net), name_(std::move(name)), last_(input) {}
  void conv_norm(const Conv2d& conv) {
    last_ = add_conv_norm(net_, {cat(name_, ".", number_), cat(name_, ".", number_ + 1)}, last_, conv);
    number_ += 2;
  }
  void relu() { last_ = net_.add(cat(name_, ".", number_++), ReLU{}, {last_}); }
  [[nodiscard]] int last() const { return last_; }

 private:
  ModelBuilder& net_;
  std::string name_;
  int last_;
  int number_ = 0;
};

/// Half of the channels go through 1x1, depthwise and 1x1 convolutions, the other half go past them (with a stride: all go
/// through either branch); then both halves are shuffled (Ma et al. 2018, figure 3).
int add_unit(ModelBuilder& net, const std::string& name, int input, int in, int out, int stride) {
  const int half = out / 2;
  int left = input, right = input;
  if (stride == 1) {
    left = net.add(name + ".left", ChannelSelect{.first = 0, .count = half}, {input});
    right = net.add(name + ".right", ChannelSelect{.first = half, .count = half}, {input});
  } else {
    Branch branch(net, name + ".branch1", input);
    branch.conv_norm({in, square_window(3, stride, 1), false, in});
    branch.conv_norm({half, square_window(1), false});
    branch.relu();
    left = branch.last();
  }
  Branch branch(net, name + ".branch2", right);
  branch.conv_norm({half, square_window(1), false});
  branch.relu();
  branch.conv_norm({half, square_window(3, stride, 1), false, half});
  branch.conv_norm({half, square_window(1), false});
  branch.relu();
  net.add(name + ".concat", Concat{}, {left, branch.last()});
  return net.add(name + ".shuffle", ChannelSelect{.count = out, .groups = 2});
}

}  // namespace

Model make_shufflenet_v2(const ModelOptions& options) {
  ModelBuilder net("shufflenet_v2", options, {1, 3, 224, 224}, 1000);
  add_conv_norm(net, {"conv1.0", "conv1.1"}, kImages, {24, square_window(3, 2, 1), false});
  net.add("conv1.2", ReLU{});
  int y = net.add("maxpool", MaxPool2d{square_window(3, 2, 1)});  // 24 x 56 x 56
  int channels = 24;
  constexpr std::array counts = {4, 8, 4};
  for (std::size_t stage = 0; stage < counts.size(); ++stage) {  // 28 x 28, 14 x 14, 7 x 7
    const int out = 116 << stage;
    for (int i = 0; i < counts.at(stage); ++i) {
      y = add_unit(net, cat("stage", stage + 2, ".", i), y, channels, out, i == 0 ? 2 : 1);
      channels = out;
    }
  }
  add_conv_norm(net, {"conv5.0", "conv5.1"}, y, {1024, square_window(1), false});
  net.add("conv5.2", ReLU{});
  net.add("avgpool", GlobalAvgPool2d{});
  net.add("fc", Linear{net.classes()});
  return net.finish();
}

}  // namespace convoy
