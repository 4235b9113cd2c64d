#include "simulator/validate/networks/net.h"
#include "simulator/validate/networks/shapes.h"

namespace convoy {

Model make_bottlenecks(const std::string& name, const Bottlenecks& shape, int image_px) {
  Net net(name, image_px, 224);
  int x = net.pool(net.conv(kImages, 64, window_of(7, 7, 2)), 3, 2, 1);
  for (std::size_t stage = 0; stage < shape.blocks.size(); ++stage)
    for (int block = 0; block < shape.blocks.at(stage); ++block) {
      const int stride = block == 0 && stage > 0 ? 2 : 1;
      const int channels = 256 << stage;
      int y = net.conv(x, shape.width << stage, window_of(1, 1));
      y = net.conv(y, shape.width << stage, window_of(3, 3, stride), shape.groups);
      y = net.conv(y, channels, window_of(1, 1), 1, false);
      if (shape.squeezes) {  // Hu et al. 2018: the mean of every channel, a sixteenth of them between, a factor for every channel
        const int factors = net.layer(net.layer(net.layer(y, GlobalAvgPool2d{}), Conv2d{channels / 16, window_of(1, 1)}), ReLU{});
        y = net.scale(y,
                      net.layer(net.layer(factors, Conv2d{channels, window_of(1, 1)}), Activation{ActivationFunction::sigmoid}));
      }
      const int shortcut = block == 0 ? net.conv(x, channels, window_of(1, 1, stride), 1, false) : x;
      x = net.layer(net.sum(y, shortcut), ReLU{});
    }
  return net.classify(x);
}

Model make_cifar_resnet(const std::string& name, int blocks, int image_px) {
  Net net(name, image_px, 32, 10);
  int x = net.conv(kImages, 16, window_of(3, 3));
  for (int stage = 0; stage < 3; ++stage)
    for (int block = 0; block < blocks; ++block) {
      const int stride = block == 0 && stage > 0 ? 2 : 1;
      int y = net.conv(x, 16 << stage, window_of(3, 3, stride));
      y = net.conv(y, 16 << stage, window_of(3, 3), 1, false);
      const int shortcut = stride == 2 ? net.conv(x, 16 << stage, window_of(1, 1, 2), 1, false) : x;
      x = net.layer(net.sum(y, shortcut), ReLU{});
    }
  return net.classify(x);
}

Model make_face_resnet(const std::string& name, const std::array<int, 4>& blocks, int image_px) {
  Net net(name, image_px, 112, 512);
  int x = net.conv(kImages, 64, window_of(3, 3));
  for (std::size_t stage = 0; stage < blocks.size(); ++stage)
    for (int block = 0; block < blocks.at(stage); ++block) {
      const int stride = block == 0 ? 2 : 1;
      int y = net.conv(net.layer(x, BatchNorm2d{}), 64 << stage, window_of(3, 3));
      y = net.conv(y, 64 << stage, window_of(3, 3, stride), 1, false);
      x = net.sum(y, block == 0 ? net.conv(x, 64 << stage, window_of(1, 1, stride), 1, false) : x);
    }
  net.layer(net.layer(x, BatchNorm2d{}), Linear{net.classes()});
  return net.finish();
}

}  // namespace convoy
