/// One row for each layer setting worth testing. A row drives, in tests/cpu: the gradient check of the naive kernels, fast =
/// naive for several numbers of threads, the same bits twice, counted = computed FLOPs. A new layer needs rows here.
#pragma once

#include <string>
#include <vector>

#include "reference/model/layer.h"

namespace convoy::rows {

struct LayerRow {
  std::string name;
  Layer layer;
  std::vector<Shape> inputs;
};

/// Sizes are chosen so that no block of 4, 8, 16 or 48 divides them, unless a row says otherwise.
inline std::vector<LayerRow> layer_rows() {
  return {
      {"conv of LeNet's first layer", Conv2d{6, square_window(5, 1, 2)}, {{3, 1, 28, 28}, {1, 1, 28, 28}}},
      {"conv of LeNet's second layer", Conv2d{16, square_window(5)}, {{4, 6, 14, 14}, {13, 6, 14, 14}}},
      {"conv 3x3 with padding", Conv2d{7, square_window(3, 1, 1)}, {{2, 3, 17, 19}, {1, 33, 17, 19}, {5, 4, 3, 3}}},
      {"conv on images larger than a panel", Conv2d{5, square_window(3, 1, 1)}, {{2, 2, 37, 61}, {1, 3, 3, 1100}}},
      {"conv with stride 2", Conv2d{9, square_window(3, 2, 1)}, {{3, 5, 17, 19}, {2, 2, 16, 8}}},
      {"conv whose stride leaves rows and columns over", Conv2d{4, square_window(3, 4)}, {{2, 3, 17, 18}}},
      {"conv 1x1", Conv2d{33, square_window(1)}, {{3, 5, 7, 9}, {1, 17, 37, 41}, {40, 3, 1, 1}}},
      {"conv 1x1 with stride 2", Conv2d{6, square_window(1, 2)}, {{2, 5, 7, 9}}},
      {"conv with a wide filter", Conv2d{3, Window{2, 5, 1, 2, 1, 3}}, {{2, 3, 11, 13}}},
      {"conv with a high filter", Conv2d{3, Window{7, 1, 3, 1, 2, 0}}, {{2, 2, 19, 6}}},
      {"conv of the whole image", Conv2d{11, Window{5, 3, 1, 1, 0, 0}}, {{7, 2, 5, 3}}},
      {"conv with one channel and one filter", Conv2d{1, square_window(3)}, {{1, 1, 3, 3}, {6, 1, 5, 4}}},
      {"conv without bias", Conv2d{5, square_window(3, 1, 1), false}, {{2, 4, 9, 7}}},
      {"conv with many filters on few pixels", Conv2d{70, square_window(3, 1, 1)}, {{1, 33, 5, 5}}},
      {"linear", Linear{13}, {{5, 29, 1, 1}, {1, 400, 1, 1}, {33, 3, 1, 1}}},
      {"linear on images", Linear{10}, {{3, 6, 5, 7}}},
      {"linear with many outputs", Linear{301}, {{9, 37, 1, 1}, {2, 37, 1, 1}}},
      {"linear large enough to be divided", Linear{130}, {{67, 129, 1, 1}, {300, 65, 1, 1}}},
      {"linear to one output without bias", Linear{1, false}, {{4, 17, 1, 1}, {1, 1, 1, 1}}},
      {"max pool 2x2", MaxPool2d{square_window(2, 2)}, {{3, 5, 17, 19}, {2, 3, 28, 28}, {1, 1, 2, 2}, {4, 16, 34, 38}}},
      {"max pool with overlapping windows", MaxPool2d{square_window(3, 2)}, {{2, 4, 13, 17}, {3, 3, 64, 65}}},
      {"max pool with padding", MaxPool2d{square_window(3, 2, 1)}, {{2, 3, 11, 8}}},
      {"max pool with stride 1", MaxPool2d{square_window(3, 1, 1)}, {{2, 3, 6, 21}}},
      {"max pool with gaps and a rectangle", MaxPool2d{Window{1, 2, 2, 3, 0, 1}}, {{2, 3, 9, 11}}},
      {"relu", ReLU{}, {{3, 5, 7, 9}, {1, 1, 1, 1}, {8, 32, 17, 19}}},
      {"dropout", Dropout{0.3}, {{3, 5, 7, 9}, {40, 601, 1, 1}}},
      {"dropout that drops nothing", Dropout{0.0}, {{2, 3, 4, 5}}},
      {"softmax and cross entropy", SoftmaxCrossEntropy{}, {{5, 10, 1, 1}, {1, 2, 1, 1}, {67, 1000, 1, 1}, {3, 1, 1, 1}}},
  };
}

}  // namespace convoy::rows
