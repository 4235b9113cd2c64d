#include "reference/core/error.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"

namespace convoy {

Model make_vgg16() {
  ModelBuilder net("vgg16", {1, 3, 224, 224}, 1000);
  constexpr int channels[] = {64, 128, 256, 512, 512};
  constexpr int convolutions[] = {2, 2, 3, 3, 3};
  for (int block = 0; block < 5; ++block) {
    for (int i = 0; i < convolutions[block]; ++i) {
      net.add(cat("conv", block + 1, "_", i + 1), Conv2d{channels[block], square_window(3, 1, 1)});
      net.add(cat("relu", block + 1, "_", i + 1), ReLU{});
    }
    net.add(cat("pool", block + 1), MaxPool2d{square_window(2, 2)});  // halves rows and columns: 112, 56, 28, 14, 7
  }
  net.add("flatten", Flatten{});  // 25,088
  for (int i = 6; i <= 7; ++i) {
    net.add(cat("fc", i), Linear{4096});
    net.add(cat("relu", i), ReLU{});
    net.add(cat("drop", i), Dropout{0.5});
  }
  net.add("fc8", Linear{1000});
  return net.finish();
}

}  // namespace convoy
