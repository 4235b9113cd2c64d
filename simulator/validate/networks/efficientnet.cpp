#include <algorithm>
#include <array>
#include <cmath>

#include "reference/model/inverted_residual.h"
#include "simulator/validate/networks/shapes.h"

namespace convoy {
namespace {

/// `count` blocks, the first of which has the stride (Tan and Le 2019, table 1).
struct Stage {
  int expansion, kernel, stride, channels, count;
};
constexpr std::array kStages = {Stage{1, 3, 1, 16, 1},  Stage{6, 3, 2, 24, 2},  Stage{6, 5, 2, 40, 2}, Stage{6, 3, 2, 80, 3},
                                Stage{6, 5, 1, 112, 3}, Stage{6, 5, 2, 192, 4}, Stage{6, 3, 1, 320, 1}};

}  // namespace

Model make_efficientnet(const std::string& name, const Scaled& scaled, int image_px) {
  const int px = image_px > 0 ? image_px : scaled.image_px;
  const auto wide = [&](int channels) { return rounded_channels(channels * scaled.width); };
  ModelBuilder net(name, {1, 3, px, px}, 1000);
  const Layer silu = Activation{ActivationFunction::silu};
  int channels = wide(32);
  int y = add_conv_norm_activation(net, "stem", kImages, {channels, square_window(3, 2, 1), false}, 1e-3, silu);
  int number = 0;
  for (const Stage& stage : kStages)
    for (int i = 0; i < static_cast<int>(std::ceil(stage.count * scaled.depth)); ++i) {
      y = add_inverted_residual(net, cat("block", ++number), y, channels,
                                {.kernel = stage.kernel,
                                 .expanded = channels * stage.expansion,
                                 .out = wide(stage.channels),
                                 .stride = i == 0 ? stage.stride : 1,
                                 .squeeze = Squeeze{.channels = std::max(1, channels / 4)},
                                 .activation = silu,
                                 .squeeze_activation = silu,
                                 .epsilon = 1e-3});
      channels = wide(stage.channels);
    }
  add_conv_norm_activation(net, "head", y, {wide(1280), square_window(1), false}, 1e-3, silu);
  net.add("avgpool", GlobalAvgPool2d{});
  net.add("dropout", Dropout{0.2});
  net.add("classifier", Linear{net.classes()});
  return net.finish();
}

}  // namespace convoy
