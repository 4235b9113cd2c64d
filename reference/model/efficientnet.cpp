#include <array>

#include "reference/model/inverted_residual.h"
#include "reference/model/zoo.h"

namespace convoy {
namespace {

/// `count` blocks, the first of which has the stride (Tan and Le 2019, table 1).
struct Stage {
  int expansion, kernel, stride, channels, count;
};
constexpr std::array kStages = {Stage{1, 3, 1, 16, 1},  Stage{6, 3, 2, 24, 2},  Stage{6, 5, 2, 40, 2}, Stage{6, 3, 2, 80, 3},
                                Stage{6, 5, 1, 112, 3}, Stage{6, 5, 2, 192, 4}, Stage{6, 3, 1, 320, 1}};

}  // namespace

Model make_efficientnet_b0(const ModelOptions& options) {
  ModelBuilder net("efficientnet_b0", options, {1, 3, 224, 224}, 1000);
  const Layer silu = Activation{ActivationFunction::silu};
  int channels = 32;
  int y = add_conv_norm_activation(net, "features.0", kImages, {channels, square_window(3, 2, 1), false}, 1e-5, silu);
  int number = 1;
  for (const Stage& stage : kStages) {  // 112 x 112 to 7 x 7
    for (int i = 0; i < stage.count; ++i) {
      y = add_inverted_residual(net, cat("features.", number, ".", i, ".block"), y, channels,
                                {.kernel = stage.kernel,
                                 .expanded = channels * stage.expansion,
                                 .out = stage.channels,
                                 .stride = i == 0 ? stage.stride : 1,
                                 .squeeze = Squeeze{.channels = channels / 4},
                                 .activation = silu,
                                 .squeeze_activation = silu});
      channels = stage.channels;
    }
    ++number;
  }
  add_conv_norm_activation(net, cat("features.", number), y, {1280, square_window(1), false}, 1e-5, silu);
  net.add("avgpool", GlobalAvgPool2d{});
  net.add("classifier.0", Dropout{0.2});
  net.add("classifier.1", Linear{net.classes()});
  return net.finish();
}

}  // namespace convoy
