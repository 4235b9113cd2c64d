#include "simulator/validate/networks/net.h"
#include "simulator/validate/networks/shapes.h"

namespace convoy {

/// Huang et al. 2017, table 1.
Model make_densenet(const std::string& name, int growth, const std::array<int, 4>& layers, int image_px) {
  Net net(name, image_px, 224);
  int channels = 2 * growth;
  int x = net.pool(net.conv(kImages, channels, window_of(7, 7, 2)), 3, 2, 1);
  const auto norm_conv = [&](int input, int filters, const Window& window) {
    const int y = net.layer(net.layer(input, BatchNorm2d{}), ReLU{});
    return net.layer(y, Conv2d{filters, window, false});
  };
  for (std::size_t block = 0; block < layers.size(); ++block) {
    std::vector<int> made = {x};
    for (int i = 0; i < layers.at(block); ++i) {
      const int all = made.size() == 1 ? x : net.join(made);
      made.push_back(norm_conv(norm_conv(all, 4 * growth, window_of(1, 1)), growth, window_of(3, 3)));
    }
    x = net.join(made);
    channels += layers.at(block) * growth;
    if (block + 1 == layers.size()) break;
    channels /= 2;
    x = net.layer(norm_conv(x, channels, window_of(1, 1)), AvgPool2d{square_window(2, 2)});
  }
  return net.classify(net.layer(net.layer(x, BatchNorm2d{}), ReLU{}));
}

}  // namespace convoy
