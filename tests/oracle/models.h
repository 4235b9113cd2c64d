/// Small networks that between them have every layer, with odd numbers of channels and rows.
#pragma once

#include "reference/model/builder.h"
#include "reference/model/zoo.h"

namespace convoy::tests {

/// ResNet-20 cut short: BatchNorm2d, a skip that is added as it is and one with a projection and stride 2.
inline Model short_resnet() {
  ModelBuilder net("short_resnet", {1, 2, 9, 7}, 4);
  net.add("conv", Conv2d{5, square_window(3, 1, 1), false});
  net.add("norm", BatchNorm2d{});
  const int first = net.add("relu", ReLU{});
  net.add("a.conv1", Conv2d{5, square_window(3, 1, 1), false});
  net.add("a.norm1", BatchNorm2d{});
  net.add("a.relu1", ReLU{});
  net.add("a.conv2", Conv2d{5, square_window(3, 1, 1), false});
  const int a = net.add("a.norm2", BatchNorm2d{});
  net.add("a.add", Add{}, {a, first});
  const int second = net.add("a.relu", ReLU{});
  net.add("b.conv1", Conv2d{6, square_window(3, 2, 1), false}, {second});
  net.add("b.norm1", BatchNorm2d{});
  net.add("b.relu1", ReLU{});
  net.add("b.conv2", Conv2d{6, square_window(3, 1, 1), true});
  const int b = net.add("b.norm2", BatchNorm2d{});
  net.add("b.project", Conv2d{6, square_window(1, 2), false}, {second});
  const int p = net.add("b.project_norm", BatchNorm2d{});
  net.add("b.add", Add{}, {b, p});
  net.add("b.relu", ReLU{});
  net.add("average", GlobalAvgPool2d{});
  net.add("flatten", Flatten{});
  net.add("fc", Linear{4});
  return net.finish();
}

/// Grouped and depthwise convolutions, branches that are concatenated, local response normalisation, dropout on both sides of
/// Flatten, max pooling with windows that overlap, and two linear layers.
inline Model branches() {
  ModelBuilder net("branches", {1, 3, 8, 6}, 5);
  net.add("conv", Conv2d{8, square_window(3, 1, 1)});
  net.add("norm", LocalResponseNorm{.size = 3, .alpha = 0.5});
  const int fork = net.add("relu", ReLU{});
  const int left = net.add("left", Conv2d{4, square_window(1)}, {fork});
  net.add("grouped", Conv2d{8, square_window(3, 1, 1), true, 4}, {fork});
  const int right = net.add("depthwise", Conv2d{8, Window{3, 3, 1, 1, 1, 1}, false, 8});
  net.add("concat", Concat{}, {left, right, fork});
  net.add("pool", MaxPool2d{square_window(3, 2, 1)});
  net.add("drop", Dropout{0.25});
  net.add("flatten", Flatten{});
  net.add("fc1", Linear{9});
  net.add("relu1", ReLU{});
  net.add("drop1", Dropout{0.4});
  net.add("fc2", Linear{5});
  return net.finish();
}

/// What Inception has and the others do not: convolutions that are dilated, 1 x 3 and 3 x 1, pooling with ceil mode, average
/// pooling with padding, without and adaptive, label smoothing, and an auxiliary head with a loss of its own.
inline Model two_heads() {
  ModelBuilder net("two_heads", {1, 2, 10, 8}, 4);
  net.add("conv", Conv2d{6, dilated_window(3, 2, 1, 2), false});
  net.add("norm", BatchNorm2d{.epsilon = 1e-3});
  net.add("relu", ReLU{});
  const int fork = net.add("pool", MaxPool2d{ceil_window(3, 2)});  // 5 x 4
  const int left = net.add("wide", Conv2d{5, Window{1, 3, 1, 1, 0, 1}}, {fork});
  net.add("average", AvgPool2d{square_window(3, 1, 1)}, {fork});
  const int right = net.add("high", Conv2d{4, Window{3, 1, 1, 1, 1, 0}});
  const int trunk = net.add("concat", Concat{}, {left, right});
  net.add("aux.pool", AdaptiveAvgPool2d{4, 3}, {trunk});
  net.add("aux.conv", Conv2d{4, square_window(1)});
  net.add("aux.flatten", Flatten{});
  net.add("aux.fc", Linear{4});
  net.add("aux.loss", SoftmaxCrossEntropy{.label_smoothing = 0.1, .weight = 0.4});
  net.add("shrink", AvgPool2d{ceil_window(2, 2, 1), false}, {trunk});  // 3 x 3
  net.add("last", Conv2d{7, dilated_window(2, 2, 1, 1)});
  net.add("last_relu", ReLU{});
  net.add("flatten", Flatten{});
  net.add("fc", Linear{4});
  return net.finish({.label_smoothing = 0.1});
}

/// What MobileNet, EfficientNet and ShuffleNet have and the others do not: other activations, channels scaled by what a branch
/// makes of their means, and channels that are divided and shuffled.
inline Model excited() {
  ModelBuilder net("excited", {1, 3, 9, 6}, 4);
  net.add("conv", Conv2d{8, square_window(3, 1, 1), false});
  net.add("norm", BatchNorm2d{});
  const int trunk = net.add("silu", Activation{ActivationFunction::silu});
  net.add("squeeze", GlobalAvgPool2d{});
  net.add("narrow", Conv2d{4, square_window(1)});
  net.add("swish", Activation{ActivationFunction::hard_swish});
  net.add("wide", Conv2d{8, square_window(1)});
  const int factors = net.add("gate", Activation{ActivationFunction::hard_sigmoid});
  const int scaled = net.add("scale", Scale{}, {trunk, factors});
  const int left = net.add("left", ChannelSelect{.first = 0, .count = 4}, {scaled});
  net.add("right", ChannelSelect{.first = 4, .count = 4}, {scaled});
  net.add("depthwise", Conv2d{4, square_window(3, 1, 1), true, 4});
  const int right = net.add("relu6", Activation{ActivationFunction::relu6});
  net.add("concat", Concat{}, {left, right});
  net.add("shuffle", ChannelSelect{.count = 8, .groups = 2});
  net.add("last", Conv2d{6, square_window(3, 2, 1)});
  net.add("tanh", Activation{ActivationFunction::tanh});
  net.add("average", GlobalAvgPool2d{});
  net.add("sigmoid", Activation{ActivationFunction::sigmoid});
  net.add("fc", Linear{4});
  return net.finish();
}

/// LeNet-5's layers on small images, so that plain kernels take no time.
inline Model small_lenet() {
  ModelBuilder net("small_lenet", {1, 1, 12, 12}, 10);
  net.add("conv1", Conv2d{6, square_window(5, 1, 2)});
  net.add("relu1", ReLU{});
  net.add("pool1", MaxPool2d{square_window(2, 2)});
  net.add("conv2", Conv2d{8, square_window(3)});
  net.add("relu2", ReLU{});
  net.add("pool2", MaxPool2d{square_window(2, 2)});
  net.add("flatten", Flatten{});
  net.add("fc1", Linear{12});
  net.add("relu3", ReLU{});
  net.add("fc2", Linear{9});
  net.add("relu4", ReLU{});
  net.add("fc3", Linear{10});
  return net.finish();
}

}  // namespace convoy::tests
