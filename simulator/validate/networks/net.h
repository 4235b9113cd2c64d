/// Net: writes down a network of the literature for its shapes alone, layers named by a number.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "reference/core/error.h"
#include "reference/model/builder.h"

namespace convoy {

/// A window that keeps the image's size under a stride of 1.
inline Window window_of(int kernel_h, int kernel_w, int stride = 1) {
  return {.kernel_h = kernel_h,
          .kernel_w = kernel_w,
          .stride_h = stride,
          .stride_w = stride,
          .padding_h = kernel_h / 2,
          .padding_w = kernel_w / 2};
}
inline Window unpadded(int kernel, int stride = 1) { return square_window(kernel, stride); }

/// Layers one after the other with BatchNorm2d, named by a number.
class Net {
 public:
  Net(std::string name, int image_px, int published_px, int classes = 1000)
      : net_(std::move(name), {1, 3, image_px > 0 ? image_px : published_px, image_px > 0 ? image_px : published_px}, classes) {}

  int conv(int input, int filters, const Window& window, int groups = 1, bool activation = true) {
    const int y = add_conv_norm(net_, {name("conv"), name("norm")}, input, {filters, window, false, groups});
    return activation ? net_.add(name("relu"), ReLU{}, {y}) : y;
  }
  /// Convolutions of one branch, each on the one before.
  int chain(int input, const std::vector<std::pair<int, Window>>& convs) {
    for (const auto& [filters, window] : convs) input = conv(input, filters, window);
    return input;
  }
  int layer(int input, Layer layer) { return net_.add(name("layer"), std::move(layer), {input}); }
  int pool(int input, int kernel, int stride, int padding = 0) {
    return layer(input, MaxPool2d{square_window(kernel, stride, padding)});
  }
  int average(int input) { return layer(input, AvgPool2d{square_window(3, 1, 1)}); }
  int join(const std::vector<int>& inputs) { return net_.add(name("concat"), Concat{}, inputs); }
  int sum(int a, int b) { return net_.add(name("add"), Add{}, {a, b}); }
  int scale(int x, int factors) { return net_.add(name("scale"), Scale{}, {x, factors}); }
  Model classify(int input, bool dropout = false) {
    int y = layer(input, GlobalAvgPool2d{});
    if (dropout) y = layer(y, Dropout{0.2});
    layer(y, Linear{net_.classes()});
    return net_.finish();
  }
  Model finish() { return net_.finish(); }
  [[nodiscard]] int classes() const { return net_.classes(); }

 private:
  std::string name(const char* kind) { return cat(kind, ++count_); }
  ModelBuilder net_;
  int count_ = 0;
};

}  // namespace convoy
