#include "reference/model/layer.h"

#include "tests/catch.h"

using namespace convoy;

TEST_CASE("the output of a window has floor((H + 2 padding - kernel) / stride) + 1 rows") {
  for (int h = 1; h <= 12; ++h) {
    for (int kernel = 1; kernel <= 4; ++kernel) {
      for (int stride = 1; stride <= 3; ++stride) {
        for (int padding = 0; padding < kernel; ++padding) {
          if (h + 2 * padding < kernel) continue;
          int rows = 0;  // by sliding it
          while (rows * stride + kernel <= h + 2 * padding) ++rows;
          INFO(h << " rows, kernel " << kernel << ", stride " << stride << ", padding " << padding);
          REQUIRE(square_window(kernel, stride, padding).output_h(h) == rows);
          REQUIRE(square_window(kernel, stride, padding).output_w(h) == rows);
        }
      }
    }
  }
}

TEST_CASE("a part of an image has the rows that its window slides over") {
  for (int skipped = -2; skipped <= 2; ++skipped) {  // above: padding when positive
    for (int below = -2; below <= 2; ++below) {
      const Window part{.kernel_h = 3, .stride_h = 2, .padding_h = skipped, .extra_below = below - skipped};
      const int h = 10 + skipped + below;  // what it slides over
      int rows = 0;
      while (rows * 2 + 3 <= h) ++rows;
      CAPTURE(skipped, below);
      REQUIRE(part.output_h(10) == rows);
      REQUIRE(part.output_w(7) == 7);
    }
  }
}

TEST_CASE("output shapes follow from layer and input") {
  const Shape x{5, 3, 17, 19};
  REQUIRE(output_shape(Conv2d{8, Window{3, 5, 2, 1, 1, 0}}, x) == Shape{5, 8, 9, 15});
  REQUIRE(output_shape(MaxPool2d{square_window(2, 2)}, x) == Shape{5, 3, 8, 9});
  REQUIRE(output_shape(Linear{7}, x) == Shape{5, 7, 1, 1});
  REQUIRE(output_shape(Flatten{}, x) == Shape{5, 969, 1, 1});
  REQUIRE(output_shape(ReLU{}, x) == x);
  REQUIRE(output_shape(Dropout{}, x) == x);
  REQUIRE(output_shape(SoftmaxCrossEntropy{}, {5, 10, 1, 1}) == Shape{5, 10, 1, 1});
  REQUIRE(output_shape(Conv2d{6, square_window(3), true, 3}, x) == Shape{5, 6, 15, 17});
  REQUIRE(output_shape(GlobalAvgPool2d{}, x) == Shape{5, 3, 1, 1});
  REQUIRE(output_shape(BatchNorm2d{}, x) == x);
  REQUIRE(output_shape(LocalResponseNorm{}, x) == x);
}

TEST_CASE("Add wants equal shapes, Concat equal samples, rows and columns, and all others one input") {
  const std::vector<Shape> same = {{2, 3, 4, 5}, {2, 3, 4, 5}, {2, 3, 4, 5}};
  const std::vector<Shape> channels = {{2, 3, 4, 5}, {2, 1, 4, 5}, {2, 7, 4, 5}};
  REQUIRE(output_shape(Add{}, same) == Shape{2, 3, 4, 5});
  REQUIRE(output_shape(Concat{}, same) == Shape{2, 9, 4, 5});
  REQUIRE(output_shape(Concat{}, channels) == Shape{2, 11, 4, 5});
  REQUIRE(output_shape(Concat{}, std::span(channels).first(1)) == Shape{2, 3, 4, 5});
  REQUIRE(output_shape(ReLU{}, std::span(channels).first(1)) == Shape{2, 3, 4, 5});
  REQUIRE_THROWS_AS(output_shape(Add{}, channels), std::invalid_argument);
  for (const Layer& layer : {Layer{Add{}}, Layer{Concat{}}}) {
    INFO(describe(layer));
    REQUIRE(has_several_inputs(layer));
    for (const Shape& wrong : {Shape{3, 3, 4, 5}, Shape{2, 3, 5, 5}, Shape{2, 3, 4, 6}})
      REQUIRE_THROWS_AS(output_shape(layer, std::vector<Shape>{same[0], wrong}), std::invalid_argument);
    REQUIRE_THROWS_AS(output_shape(layer, std::span<const Shape>{}), std::invalid_argument);
  }
  REQUIRE_FALSE(has_several_inputs(ReLU{}));
  REQUIRE_THROWS_AS(output_shape(ReLU{}, same), std::invalid_argument);
}

TEST_CASE("the window of LocalResponseNorm holds `size` channels, the odd one before") {
  for (int size = 1; size <= 6; ++size) {
    const LocalResponseNorm norm{.size = size};
    REQUIRE(norm.before() + 1 + norm.behind() == size);
    REQUIRE(norm.before() - norm.behind() == (size % 2 == 0 ? 1 : 0));
  }
}

TEST_CASE("settings that make no layer are refused") {
  const Shape x{1, 3, 4, 4};
  const std::vector<Layer> wrong = {Conv2d{0, square_window(3)},
                                    Conv2d{2, square_window(0)},
                                    Conv2d{2, square_window(3, 0)},
                                    Conv2d{2, square_window(3, 1, 3)},
                                    Conv2d{2, Window{3, 3, 1, 1, 0, -1}},
                                    Conv2d{2, square_window(3), true, 0},
                                    Conv2d{2, square_window(3), true, 3},  // divides 3 channels, but not 2 filters
                                    Conv2d{4, square_window(3), true, 2},  // the other way round
                                    BatchNorm2d{.epsilon = 0},
                                    BatchNorm2d{.momentum = 1.5},
                                    BatchNorm2d{.momentum = -0.5},
                                    LocalResponseNorm{.size = 0},
                                    LocalResponseNorm{.alpha = -1},
                                    LocalResponseNorm{.k = 0},
                                    Conv2d{2, square_window(5)},
                                    MaxPool2d{square_window(5)},
                                    MaxPool2d{square_window(2, 2, 2)},
                                    Linear{0},
                                    Dropout{1.0},
                                    Dropout{-0.5},
                                    SoftmaxCrossEntropy{}};
  for (const Layer& layer : wrong) {
    INFO(describe(layer));
    REQUIRE_THROWS_AS(output_shape(layer, x), std::invalid_argument);
  }
}

TEST_CASE("convolutions, linear layers and batch norm learn, and a bias is optional") {
  const Shape x{9, 3, 5, 5};
  REQUIRE(parameter_shapes(Conv2d{8, Window{3, 2, 1, 1, 0, 0}}, x).size() == 2);
  REQUIRE(parameter_shapes(Conv2d{8, Window{3, 2, 1, 1, 0, 0}}, x)[0].shape == Shape{8, 3, 3, 2});
  REQUIRE(parameter_shapes(Conv2d{8, square_window(3), false}, x).size() == 1);
  REQUIRE(parameter_shapes(Linear{4}, x)[0].shape == Shape{4, 75, 1, 1});
  REQUIRE(parameter_shapes(Linear{4}, x)[1].shape == Shape{1, 4, 1, 1});
  REQUIRE(parameter_shapes(Conv2d{6, square_window(3), true, 3}, x)[0].shape == Shape{6, 1, 3, 3});
  REQUIRE(parameter_shapes(BatchNorm2d{}, x).size() == 2);
  REQUIRE(parameter_shapes(BatchNorm2d{}, x)[0].shape == Shape{1, 3, 1, 1});
  REQUIRE(parameter_shapes(BatchNorm2d{}, x)[1].name == "bias");
  for (const Layer& layer : {Layer{ReLU{}}, Layer{MaxPool2d{}}, Layer{Dropout{}}, Layer{Flatten{}}, Layer{SoftmaxCrossEntropy{}},
                             Layer{Add{}}, Layer{Concat{}}, Layer{GlobalAvgPool2d{}}, Layer{LocalResponseNorm{}}}) {
    REQUIRE(parameter_shapes(layer, x).empty());
    REQUIRE(state_shapes(layer, x).empty());
  }
  REQUIRE(state_shapes(Conv2d{}, x).empty());
  REQUIRE(state_shapes(BatchNorm2d{}, x).size() == 2);
  REQUIRE(state_shapes(BatchNorm2d{}, x)[0].name == "running_mean");
  REQUIRE(state_shapes(BatchNorm2d{}, x)[1].name == "running_var");
  REQUIRE(state_shapes(BatchNorm2d{}, x)[1].shape == Shape{1, 3, 1, 1});
}

TEST_CASE("a layer is described in one line") {
  REQUIRE(describe(Conv2d{6, square_window(5, 1, 2)}) == "Conv2d 5x5, padding 2, 6 filters");
  REQUIRE(describe(MaxPool2d{Window{2, 3, 2, 1, 0, 1}}) == "MaxPool2d 2x3, stride 2x1, padding 0x1");
  REQUIRE(describe(Linear{10}) == "Linear to 10");
  REQUIRE(describe(ReLU{}) == "ReLU");
  REQUIRE(describe(Conv2d{6, square_window(3, 2, 1), true, 3}) == "Conv2d 3x3, stride 2, padding 1, 6 filters, 3 groups");
  REQUIRE(describe(LocalResponseNorm{}) == "LocalResponseNorm over 5 channels");
  REQUIRE(describe(BatchNorm2d{}) == "BatchNorm2d");
  REQUIRE(describe(Dropout{0.5}) == "Dropout 0.5");
}
