#include "simulator/validate/networks/net.h"
#include "simulator/validate/networks/shapes.h"

namespace convoy {

/// Szegedy et al. 2017 (Inception-v4), figures 3 to 9.
Model make_inception_v4(int image_px) {
  Net net("inception_v4", image_px, 299);
  int x = net.chain(kImages, {{32, unpadded(3, 2)}, {32, unpadded(3)}, {64, window_of(3, 3)}});
  x = net.join({net.pool(x, 3, 2), net.conv(x, 96, unpadded(3, 2))});
  x = net.join({net.chain(x, {{64, window_of(1, 1)}, {96, unpadded(3)}}),
                net.chain(x, {{64, window_of(1, 1)}, {64, window_of(7, 1)}, {64, window_of(1, 7)}, {96, unpadded(3)}})});
  x = net.join({net.conv(x, 192, unpadded(3, 2)), net.pool(x, 3, 2)});
  const Window one = window_of(1, 1), three = window_of(3, 3), wide = window_of(1, 7), tall = window_of(7, 1);
  for (int i = 0; i < 4; ++i)
    x = net.join({net.conv(net.average(x), 96, one), net.conv(x, 96, one), net.chain(x, {{64, one}, {96, three}}),
                  net.chain(x, {{64, one}, {96, three}, {96, three}})});
  x = net.join(
      {net.pool(x, 3, 2), net.conv(x, 384, unpadded(3, 2)), net.chain(x, {{192, one}, {224, three}, {256, unpadded(3, 2)}})});
  for (int i = 0; i < 7; ++i)
    x = net.join({net.conv(net.average(x), 128, one), net.conv(x, 384, one), net.chain(x, {{192, one}, {224, wide}, {256, tall}}),
                  net.chain(x, {{192, one}, {192, tall}, {224, wide}, {224, tall}, {256, wide}})});
  x = net.join({net.pool(x, 3, 2), net.chain(x, {{192, one}, {192, unpadded(3, 2)}}),
                net.chain(x, {{256, one}, {256, wide}, {320, tall}, {320, unpadded(3, 2)}})});
  for (int i = 0; i < 3; ++i) {
    const int left = net.conv(x, 384, one);
    const int right = net.chain(x, {{384, one}, {448, window_of(1, 3)}, {512, window_of(3, 1)}});
    x = net.join({net.conv(net.average(x), 256, one), net.conv(x, 256, one), net.conv(left, 256, window_of(1, 3)),
                  net.conv(left, 256, window_of(3, 1)), net.conv(right, 256, window_of(3, 1)),
                  net.conv(right, 256, window_of(1, 3))});
  }
  return net.classify(x, true);
}

/// One module of Ioffe and Szegedy 2015, figure 5: 1x1; 1x1 and 3x3; 1x1 and two 3x3; pooling and 1x1. Without the first and the
/// last where the stride is 2.
struct BnModule {
  int ones, reduce3, three, reduce33, threes, pooled;
};
Model make_inception_bn(int image_px) {
  Net net("inception_bn", image_px, 224);
  int x = net.pool(net.conv(kImages, 64, window_of(7, 7, 2)), 3, 2, 1);
  x = net.pool(net.chain(x, {{64, window_of(1, 1)}, {192, window_of(3, 3)}}), 3, 2, 1);
  constexpr auto modules = std::to_array<BnModule>({{64, 64, 64, 64, 96, 32},
                                                    {64, 64, 96, 64, 96, 64},
                                                    {0, 128, 160, 64, 96, 0},
                                                    {224, 64, 96, 96, 128, 128},
                                                    {192, 96, 128, 96, 128, 128},
                                                    {160, 128, 160, 128, 160, 128},
                                                    {96, 128, 192, 160, 192, 128},
                                                    {0, 128, 192, 192, 256, 0},
                                                    {352, 192, 320, 160, 224, 128},
                                                    {352, 192, 320, 192, 224, 128}});
  for (const BnModule& module : modules) {
    const int stride = module.ones == 0 ? 2 : 1;
    std::vector<int> parts;
    if (module.ones > 0) parts.push_back(net.conv(x, module.ones, window_of(1, 1)));
    parts.push_back(net.chain(x, {{module.reduce3, window_of(1, 1)}, {module.three, window_of(3, 3, stride)}}));
    parts.push_back(net.chain(
        x, {{module.reduce33, window_of(1, 1)}, {module.threes, window_of(3, 3)}, {module.threes, window_of(3, 3, stride)}}));
    parts.push_back(module.pooled > 0 ? net.conv(net.average(x), module.pooled, window_of(1, 1)) : net.pool(x, 3, 2, 1));
    x = net.join(parts);
  }
  return net.classify(x);
}

namespace {

/// A block of Inception-ResNet: branches, joined, then 1x1 to as many channels as went in, without BatchNorm2d, and a sum.
int add_residual(Net& net, int x, const std::vector<int>& branches, int channels) {
  return net.layer(net.sum(x, net.layer(net.join(branches), Conv2d{channels, window_of(1, 1)})), ReLU{});
}

}  // namespace

/// Szegedy et al. 2017, by the code of its authors (TF-Slim), which has the stem of Inception-v3.
Model make_inception_resnet_v2(int image_px) {
  Net net("inception_resnet_v2", image_px, 299);
  const Window one = window_of(1, 1), three = window_of(3, 3), down = unpadded(3, 2);
  int x = net.chain(kImages, {{32, down}, {32, unpadded(3)}, {64, three}});
  x = net.pool(net.chain(net.pool(x, 3, 2), {{80, one}, {192, unpadded(3)}}), 3, 2);
  x = net.join({net.conv(x, 96, one), net.chain(x, {{48, one}, {64, window_of(5, 5)}}),
                net.chain(x, {{64, one}, {96, three}, {96, three}}), net.conv(net.average(x), 64, one)});
  for (int i = 0; i < 10; ++i)
    x = add_residual(
        net, x,
        {net.conv(x, 32, one), net.chain(x, {{32, one}, {32, three}}), net.chain(x, {{32, one}, {48, three}, {64, three}})}, 320);
  x = net.join({net.conv(x, 384, down), net.chain(x, {{256, one}, {256, three}, {384, down}}), net.pool(x, 3, 2)});
  for (int i = 0; i < 20; ++i)
    x = add_residual(net, x, {net.conv(x, 192, one), net.chain(x, {{128, one}, {160, window_of(1, 7)}, {192, window_of(7, 1)}})},
                     1088);
  x = net.join({net.chain(x, {{256, one}, {384, down}}), net.chain(x, {{256, one}, {288, down}}),
                net.chain(x, {{256, one}, {288, three}, {320, down}}), net.pool(x, 3, 2)});
  for (int i = 0; i < 10; ++i)
    x = add_residual(net, x, {net.conv(x, 192, one), net.chain(x, {{192, one}, {224, window_of(1, 3)}, {256, window_of(3, 1)}})},
                     2080);
  return net.classify(net.conv(x, 1536, one), true);
}

}  // namespace convoy
