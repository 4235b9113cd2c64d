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

TEST_CASE("output shapes follow from layer and input") {
  const Shape x{5, 3, 17, 19};
  REQUIRE(output_shape(Conv2d{8, Window{3, 5, 2, 1, 1, 0}}, x) == Shape{5, 8, 9, 15});
  REQUIRE(output_shape(MaxPool2d{square_window(2, 2)}, x) == Shape{5, 3, 8, 9});
  REQUIRE(output_shape(Linear{7}, x) == Shape{5, 7, 1, 1});
  REQUIRE(output_shape(Flatten{}, x) == Shape{5, 969, 1, 1});
  REQUIRE(output_shape(ReLU{}, x) == x);
  REQUIRE(output_shape(Dropout{}, x) == x);
  REQUIRE(output_shape(SoftmaxCrossEntropy{}, {5, 10, 1, 1}) == Shape{5, 10, 1, 1});
}

TEST_CASE("settings that make no layer are refused") {
  const Shape x{1, 3, 4, 4};
  const std::vector<Layer> wrong = {Conv2d{0, square_window(3)},
                                    Conv2d{2, square_window(0)},
                                    Conv2d{2, square_window(3, 0)},
                                    Conv2d{2, square_window(3, 1, 3)},
                                    Conv2d{2, square_window(3, 1, -1)},
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

TEST_CASE("only convolutions and linear layers learn, and a bias is optional") {
  const Shape x{9, 3, 5, 5};
  REQUIRE(parameter_shapes(Conv2d{8, Window{3, 2, 1, 1, 0, 0}}, x).size() == 2);
  REQUIRE(parameter_shapes(Conv2d{8, Window{3, 2, 1, 1, 0, 0}}, x)[0].shape == Shape{8, 3, 3, 2});
  REQUIRE(parameter_shapes(Conv2d{8, square_window(3), false}, x).size() == 1);
  REQUIRE(parameter_shapes(Linear{4}, x)[0].shape == Shape{4, 75, 1, 1});
  REQUIRE(parameter_shapes(Linear{4}, x)[1].shape == Shape{1, 4, 1, 1});
  for (const Layer& layer : {Layer{ReLU{}}, Layer{MaxPool2d{}}, Layer{Dropout{}}, Layer{Flatten{}}, Layer{SoftmaxCrossEntropy{}}})
    REQUIRE(parameter_shapes(layer, x).empty());
}

TEST_CASE("a layer is described in one line") {
  REQUIRE(describe(Conv2d{6, square_window(5, 1, 2)}) == "Conv2d 5x5, padding 2, 6 filters");
  REQUIRE(describe(MaxPool2d{Window{2, 3, 2, 1, 0, 1}}) == "MaxPool2d 2x3, stride 2x1, padding 0x1");
  REQUIRE(describe(Linear{10}) == "Linear to 10");
  REQUIRE(describe(ReLU{}) == "ReLU");
  REQUIRE(describe(Dropout{0.5}) == "Dropout 0.5");
}
