/// The block of MobileNet-V2, MobileNet-V3 and EfficientNet: 1x1 to more channels, depthwise, a gate for every channel, 1x1 to
/// few.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "reference/core/error.h"
#include "reference/model/builder.h"

namespace convoy {

/// Nearest multiple of 8, but no less than 90 % of `channels`: how these networks round their channels.
inline int rounded_channels(double channels) {
  const int rounded = std::max(8, static_cast<int>(channels + 4) / 8 * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}

/// Convolution, BatchNorm2d and an activation, called NAME.0, NAME.1 and NAME.2, as torchvision does. Returns the last.
inline int add_conv_norm_activation(ModelBuilder& net, const std::string& name, int input, const Conv2d& conv, double epsilon,
                                    const Layer& activation) {
  const int y = add_conv_norm(net, {name + ".0", name + ".1"}, input, conv, epsilon);
  return net.add(name + ".2", activation, {y});
}

/// Squeeze-and-excitation (Hu et al. 2018): the mean of every channel, two 1x1 convolutions, a factor for every channel.
struct Squeeze {
  int channels = 8;  ///< between the two
  ActivationFunction gate = ActivationFunction::sigmoid;
};
inline int add_squeeze(ModelBuilder& net, const std::string& name, int input, int channels, const Squeeze& squeeze,
                       const Layer& activation) {
  net.add(name + ".avgpool", GlobalAvgPool2d{}, {input});
  net.add(name + ".fc1", Conv2d{squeeze.channels, square_window(1)});
  net.add(name + ".activation", activation);
  net.add(name + ".fc2", Conv2d{channels, square_window(1)});
  const int factors = net.add(name + ".scale_activation", Activation{squeeze.gate});
  return net.add(name + ".scale", Scale{}, {input, factors});
}

struct InvertedResidual {
  int kernel = 3;
  int expanded = 16;  ///< channels of the depthwise convolution; as many as the input's: nothing goes before it
  int out = 16;
  int stride = 1;
  std::optional<Squeeze> squeeze = {};
  Layer activation = ReLU{};
  Layer squeeze_activation = ReLU{};
  double epsilon = 1e-5;
};

/// The block on node `input`, of `channels`; what it reads is added where it has the shape of what it makes. Its parts are called
/// NAME.0, NAME.1, ..., as far as they are there. Returns the last node.
inline int add_inverted_residual(ModelBuilder& net, const std::string& name, int input, int channels,
                                 const InvertedResidual& block) {
  int part = 0, y = input;
  if (block.expanded != channels)
    y = add_conv_norm_activation(net, cat(name, ".", part++), y, {block.expanded, square_window(1), false}, block.epsilon,
                                 block.activation);
  const Window window = square_window(block.kernel, block.stride, block.kernel / 2);
  y = add_conv_norm_activation(net, cat(name, ".", part++), y, {block.expanded, window, false, block.expanded}, block.epsilon,
                               block.activation);
  if (block.squeeze) y = add_squeeze(net, cat(name, ".", part++), y, block.expanded, *block.squeeze, block.squeeze_activation);
  y = add_conv_norm(net, {cat(name, ".", part, ".0"), cat(name, ".", part, ".1")}, y, {block.out, square_window(1), false},
                    block.epsilon);
  return block.stride == 1 && channels == block.out ? net.add(name + ".add", Add{}, {y, input}) : y;
}

}  // namespace convoy
