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

/// Rows of padding above and below a part of an image; negative when rows are skipped there.
struct PartPadding {
  int above = 0, below = 0;
};
/// The window of a part of an image, with a column of padding where there is room for one.
inline Window part_window(int kernel, int stride, PartPadding padding) {
  return {.kernel_h = kernel,
          .kernel_w = kernel,
          .stride_h = stride,
          .stride_w = stride,
          .padding_h = padding.above,
          .padding_w = kernel > 1 ? 1 : 0,
          .extra_below = padding.below - padding.above};
}

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
      {"conv in two groups", Conv2d{6, square_window(3, 1, 1), true, 2}, {{3, 10, 9, 7}, {1, 4, 37, 41}}},
      {"conv in groups of uneven channels and filters", Conv2d{21, square_window(3, 2, 1), true, 3}, {{2, 15, 11, 9}}},
      {"conv 1x1 in groups, without bias", Conv2d{35, square_window(1), false, 5}, {{3, 15, 7, 9}, {11, 5, 3, 3}}},
      {"conv depthwise", Conv2d{5, square_window(3, 1, 1), true, 5}, {{3, 5, 9, 7}, {1, 5, 37, 41}}},
      {"conv depthwise with stride 2", Conv2d{7, square_window(3, 2, 1), false, 7}, {{2, 7, 17, 18}}},
      {"conv depthwise 5x5", Conv2d{3, square_window(5, 1, 2), true, 3}, {{2, 3, 11, 19}}},
      {"conv depthwise with three filters a channel", Conv2d{12, Window{2, 4, 3, 1, 1, 3}, true, 4}, {{2, 4, 13, 11}}},
      {"conv depthwise with a wide stride", Conv2d{6, Window{3, 7, 1, 3, 0, 2}, true, 3}, {{2, 3, 7, 17}}},
      {"conv of an upper part: padding above only", Conv2d{4, part_window(3, 1, {1, 0})}, {{2, 3, 8, 7}}},
      {"conv of a lower part: padding below only", Conv2d{4, part_window(3, 1, {0, 1})}, {{2, 3, 8, 7}}},
      {"conv of a part that skips rows above", Conv2d{4, part_window(3, 2, {-2, 0})}, {{2, 3, 9, 7}, {1, 2, 70, 30}}},
      {"conv of a part that skips rows above and below", Conv2d{4, part_window(5, 1, {-1, -2})}, {{2, 3, 12, 7}}},
      {"conv of a part whose last window ends in padding", Conv2d{4, part_window(5, 1, {-1, 2})}, {{2, 3, 8, 7}}},
      {"conv 1x1 of a part that skips rows", Conv2d{4, part_window(1, 2, {-1, 0}), false}, {{2, 3, 8, 7}}},
      {"conv in groups of a part", Conv2d{6, part_window(3, 1, {-1, 1}), true, 3}, {{2, 6, 8, 7}}},
      {"conv depthwise of a part", Conv2d{8, part_window(3, 2, {-1, 1}), true, 4}, {{2, 4, 8, 7}}},
      {"conv dilated", Conv2d{5, dilated_window(3, 2, 1, 2)}, {{2, 3, 11, 9}, {1, 4, 37, 41}, {40, 3, 5, 5}}},
      {"conv dilated with stride 2", Conv2d{4, dilated_window(3, 3, 2, 1), false}, {{2, 3, 13, 10}}},
      {"conv dilated with a rectangle",
       Conv2d{6, Window{.kernel_h = 2, .kernel_w = 4, .stride_w = 3, .padding_w = 5, .dilation_h = 4, .dilation_w = 2}},
       {{3, 2, 9, 12}}},
      {"conv dilated in groups", Conv2d{6, dilated_window(3, 2, 1, 1), true, 3}, {{2, 6, 9, 7}}},
      {"conv dilated, depthwise", Conv2d{6, dilated_window(3, 2, 2, 2), false, 3}, {{2, 3, 9, 11}}},
      {"conv 1x1 whose dilation means nothing", Conv2d{4, dilated_window(1, 3, 1, 0)}, {{2, 3, 5, 7}}},
      {"conv 1x7 as in Inception", Conv2d{5, Window{1, 7, 1, 1, 0, 3}}, {{2, 6, 17, 17}}},
      {"conv 7x1 as in Inception", Conv2d{5, Window{7, 1, 1, 1, 3, 0}, false}, {{2, 6, 17, 17}}},
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
      {"max pool of an upper part", MaxPool2d{part_window(3, 2, {1, 0})}, {{2, 3, 8, 9}}},
      {"max pool of a lower part", MaxPool2d{part_window(3, 2, {-1, 1})}, {{2, 3, 9, 9}}},
      {"max pool 2x2 of a part that skips a row", MaxPool2d{part_window(2, 2, {-1, 0})}, {{2, 3, 9, 8}}},
      {"max pool with ceil mode", MaxPool2d{ceil_window(3, 2)}, {{2, 3, 10, 13}, {3, 2, 8, 8}, {1, 4, 56, 54}, {1, 1, 3, 4}}},
      {"max pool with ceil mode and padding", MaxPool2d{ceil_window(3, 2, 1)}, {{2, 3, 11, 8}, {1, 2, 4, 9}}},
      {"max pool 2x2 with ceil mode", MaxPool2d{ceil_window(2, 2)}, {{2, 3, 8, 6}, {2, 3, 7, 6}, {2, 3, 6, 9}}},
      {"max pool whose ceil mode would begin behind the image", MaxPool2d{ceil_window(2, 3, 1)}, {{2, 3, 8, 7}, {1, 2, 9, 11}}},
      {"average pool 2x2", AvgPool2d{square_window(2, 2)}, {{3, 5, 17, 19}, {2, 3, 28, 28}, {1, 1, 2, 2}, {4, 16, 34, 38}}},
      {"average pool with padding, which counts", AvgPool2d{square_window(3, 1, 1)}, {{2, 3, 6, 21}, {1, 5, 17, 17}}},
      {"average pool with padding, which does not", AvgPool2d{square_window(3, 2, 1), false}, {{2, 3, 11, 8}}},
      {"average pool with ceil mode", AvgPool2d{ceil_window(3, 2)}, {{2, 3, 10, 13}, {1, 2, 8, 8}}},
      {"average pool with ceil mode and padding", AvgPool2d{ceil_window(3, 2, 1)}, {{2, 3, 10, 8}, {1, 2, 9, 4}}},
      {"average pool with ceil mode and padding that does not count", AvgPool2d{ceil_window(3, 2, 1), false}, {{2, 3, 10, 8}}},
      {"average pool with gaps and a rectangle", AvgPool2d{Window{1, 2, 2, 3, 0, 1}}, {{2, 3, 9, 11}}},
      {"adaptive average pool as GoogLeNet has it", AdaptiveAvgPool2d{4, 4}, {{2, 3, 14, 14}, {1, 33, 4, 4}, {1, 2, 5, 9}}},
      {"adaptive average pool to more than there is", AdaptiveAvgPool2d{6, 5}, {{2, 3, 4, 3}, {1, 2, 1, 1}, {1, 3, 13, 13}}},
      {"global average pool", GlobalAvgPool2d{}, {{3, 5, 7, 9}, {2, 37, 1, 1}, {4, 3, 65, 33}}},
      {"batch norm", BatchNorm2d{}, {{3, 5, 7, 9}, {2, 3, 65, 33}, {17, 6, 2, 1}, {1, 2, 5, 5}}},
      {"batch norm with another epsilon", BatchNorm2d{0.125, 0.5}, {{4, 7, 3, 5}}},
      {"local response norm as AlexNet has it", LocalResponseNorm{5, 1e-4, 0.75, 2.0}, {{2, 11, 5, 7}, {3, 17, 33, 35}}},
      {"local response norm that bites", LocalResponseNorm{3, 2.0, 0.5, 0.75}, {{2, 7, 3, 5}, {2, 2, 3, 5}}},
      {"local response norm over an even number of channels", LocalResponseNorm{4, 1.5, 1.25, 1.0}, {{2, 9, 3, 5}, {1, 1, 2, 2}}},
      {"add", Add{}, {{3, 5, 7, 9}, {8, 32, 17, 19}}},
      {"concat", Concat{}, {{3, 5, 7, 9}, {4, 31, 17, 19}, {3, 4, 1, 1}}},
      {"relu", ReLU{}, {{3, 5, 7, 9}, {1, 1, 1, 1}, {8, 32, 17, 19}}},
      {"relu6", Activation{ActivationFunction::relu6}, {{3, 5, 7, 9}, {8, 32, 17, 19}}},
      {"sigmoid", Activation{ActivationFunction::sigmoid}, {{3, 5, 7, 9}, {2, 33, 1, 1}, {8, 32, 17, 19}}},
      {"tanh", Activation{ActivationFunction::tanh}, {{3, 5, 7, 9}, {1, 1, 1, 1}}},
      {"hard sigmoid", Activation{ActivationFunction::hard_sigmoid}, {{3, 5, 7, 9}, {2, 33, 1, 1}}},
      {"hard swish", Activation{ActivationFunction::hard_swish}, {{3, 5, 7, 9}, {8, 32, 17, 19}}},
      {"silu", Activation{ActivationFunction::silu}, {{3, 5, 7, 9}, {8, 32, 17, 19}}},
      {"scale", Scale{}, {{3, 5, 7, 9}, {2, 33, 1, 1}, {4, 21, 33, 35}}},
      {"channels of the second half", ChannelSelect{.first = 4, .count = 3}, {{3, 7, 5, 9}, {4, 31, 17, 19}}},
      {"channels shuffled in groups", ChannelSelect{.count = 12, .groups = 3}, {{3, 12, 5, 9}, {4, 12, 17, 19}}},
      {"some channels shuffled", ChannelSelect{.first = 1, .count = 10, .groups = 2}, {{2, 13, 4, 3}}},
      {"dropout", Dropout{0.3}, {{3, 5, 7, 9}, {40, 601, 1, 1}}},
      {"dropout that drops nothing", Dropout{0.0}, {{2, 3, 4, 5}}},
      {"cross entropy with label smoothing", SoftmaxCrossEntropy{0.1}, {{5, 10, 1, 1}, {1, 2, 1, 1}, {67, 1000, 1, 1}}},
      {"cross entropy with a weight", SoftmaxCrossEntropy{0.25, 0.4}, {{5, 10, 1, 1}, {3, 1, 1, 1}}},
      {"softmax and cross entropy", SoftmaxCrossEntropy{}, {{5, 10, 1, 1}, {1, 2, 1, 1}, {67, 1000, 1, 1}, {3, 1, 1, 1}}},
  };
}

}  // namespace convoy::rows
