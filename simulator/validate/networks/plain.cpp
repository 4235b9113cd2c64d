#include "simulator/validate/networks/net.h"
#include "simulator/validate/networks/shapes.h"

// Networks whose layers stand one after the other, or nearly so.

namespace convoy {

/// Sermanet et al. 2014, table 1 (the fast model), as convnet-benchmarks has it.
Model make_overfeat(int image_px) {
  ModelBuilder net("overfeat", {1, 3, image_px > 0 ? image_px : 231, image_px > 0 ? image_px : 231}, 1000);
  int number = 0;
  const auto add = [&](Layer layer) { net.add(cat("layer", ++number), std::move(layer)); };
  const auto conv = [&](int filters, const Window& window, bool pool) {
    add(Conv2d{filters, window});
    add(ReLU{});
    if (pool) add(MaxPool2d{square_window(2, 2)});
  };
  conv(96, square_window(11, 4), true);
  conv(256, square_window(5), true);
  conv(512, square_window(3, 1, 1), false);
  conv(1024, square_window(3, 1, 1), false);
  conv(1024, square_window(3, 1, 1), true);
  for (const int features : {3072, 4096}) {
    add(Linear{features});
    add(ReLU{});
  }
  add(Linear{net.classes()});
  return net.finish();
}

/// Iandola et al. 2016, table 1.
Model make_squeezenet1_0(int image_px) {
  Net net("squeezenet1_0", image_px, 224);
  const auto conv = [&](int input, int filters, const Window& window) {
    return net.layer(net.layer(input, Conv2d{filters, window}), ReLU{});
  };
  int x = net.layer(conv(kImages, 96, unpadded(7, 2)), MaxPool2d{ceil_window(3, 2)});
  constexpr std::array squeezes = {16, 16, 32, 32, 48, 48, 64, 64};
  for (std::size_t i = 0; i < squeezes.size(); ++i) {
    const int y = conv(x, squeezes.at(i), window_of(1, 1));
    x = net.join({conv(y, 4 * squeezes.at(i), window_of(1, 1)), conv(y, 4 * squeezes.at(i), window_of(3, 3))});
    if (i == 2 || i == 6) x = net.layer(x, MaxPool2d{ceil_window(3, 2)});
  }
  net.layer(conv(net.layer(x, Dropout{0.5}), net.classes(), window_of(1, 1)), GlobalAvgPool2d{});
  return net.finish();
}

Model make_vgg(const std::string& name, const std::array<int, 5>& convolutions, bool norm, int image_px) {
  Net net(name, image_px, 224);
  int x = kImages;
  for (std::size_t stage = 0; stage < convolutions.size(); ++stage) {
    const int filters = std::min(512, 64 << stage);
    for (int i = 0; i < convolutions.at(stage); ++i) {
      x = net.layer(x, Conv2d{filters, window_of(3, 3)});
      if (norm) x = net.layer(x, BatchNorm2d{});
      x = net.layer(x, ReLU{});
    }
    x = net.pool(x, 2, 2);
  }
  for (int i = 0; i < 2; ++i) x = net.layer(net.layer(net.layer(x, Linear{4096}), ReLU{}), Dropout{0.5});
  net.layer(x, Linear{net.classes()});
  return net.finish();
}

}  // namespace convoy
