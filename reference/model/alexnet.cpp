#include "reference/core/error.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"

namespace convoy {

Model make_alexnet(const ModelOptions& options) {
  ModelBuilder net("alexnet", options, {1, 3, 224, 224}, 1000);
  const auto conv = [&](int number, const Conv2d& layer) {
    net.add(cat("features.", number), layer);
    net.add(cat("features.", number + 1), ReLU{});
  };
  conv(0, {64, square_window(11, 4, 2)});                 // 64 x 55 x 55
  net.add("features.2", MaxPool2d{square_window(3, 2)});  // 64 x 27 x 27
  conv(3, {192, square_window(5, 1, 2)});                 // 192 x 27 x 27
  net.add("features.5", MaxPool2d{square_window(3, 2)});  // 192 x 13 x 13
  conv(6, {384, square_window(3, 1, 1)});                 // 384 x 13 x 13
  conv(8, {256, square_window(3, 1, 1)});                 // 256 x 13 x 13
  conv(10, {256, square_window(3, 1, 1)});
  net.add("features.12", MaxPool2d{square_window(3, 2)});  // 256 x 6 x 6
  const Shape features = net.shape();
  if (features.h != 6 || features.w != 6) net.add("avgpool", AdaptiveAvgPool2d{6, 6});  // not for images of 224 x 224
  net.add("flatten", Flatten{});                                                        // 9,216
  for (const int number : {0, 3}) {
    net.add(cat("classifier.", number), Dropout{0.5});
    net.add(cat("classifier.", number + 1), Linear{4096});
    net.add(cat("classifier.", number + 2), ReLU{});
  }
  net.add("classifier.6", Linear{net.classes()});
  return net.finish();
}

}  // namespace convoy
