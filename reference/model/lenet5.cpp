#include "reference/model/builder.h"
#include "reference/model/zoo.h"

namespace convoy {

Model make_lenet5(const ModelOptions& options) {
  ModelBuilder net("lenet5", options, {1, 1, 28, 28}, 10);
  net.add("conv1", Conv2d{6, square_window(5, 1, 2)});  // 6 x 28 x 28
  net.add("relu1", ReLU{});
  net.add("pool1", MaxPool2d{square_window(2, 2)});  // 6 x 14 x 14
  net.add("conv2", Conv2d{16, square_window(5)});    // 16 x 10 x 10
  net.add("relu2", ReLU{});
  net.add("pool2", MaxPool2d{square_window(2, 2)});  // 16 x 5 x 5
  net.add("flatten", Flatten{});                     // 400
  net.add("fc1", Linear{120});
  net.add("relu3", ReLU{});
  net.add("fc2", Linear{84});
  net.add("relu4", ReLU{});
  net.add("fc3", Linear{net.classes()});
  return net.finish();
}

}  // namespace convoy
