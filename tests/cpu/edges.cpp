/// Layers of nothing (no channels, filters, rows, samples), and shapes that make no sense.
#include <algorithm>
#include <stdexcept>

#include "tests/catch.h"
#include "tests/cpu/filled.h"
#include "tests/cpu/operands.h"

using namespace convoy;
using namespace convoy::test;

TEST_CASE("a pooling window outside the rows of a part is refused, and so is one that does not fit the columns") {
  const Tensor<float> x({1, 1, 4, 4}, 1.0F);
  const auto refuses = [&](const Window& window, const Shape& y_shape) {
    Tensor<float> y(y_shape);
    REQUIRE_THROWS_AS(cpu::max_pool2d_forward(x.view(), y.view(), window), std::invalid_argument);
    REQUIRE_THROWS_AS(cpu::naive::max_pool2d_forward<float>(x.view(), y.view(), window), std::invalid_argument);
  };
  refuses({.kernel_h = 2, .kernel_w = 2, .extra_below = 3}, {1, 1, 6, 3});  // the last begins in row 5
  refuses({.kernel_h = 2, .kernel_w = 2, .padding_h = 2, .extra_below = -2}, {1, 1, 5, 3});
  refuses({.kernel_h = 2, .kernel_w = 5}, {1, 1, 3, 0});
  refuses({.kernel_h = 2, .kernel_w = 2, .stride_h = 0}, {1, 1, 3, 3});
}

TEST_CASE("a convolution of no channels, filters, rows or samples: y is the bias, dx is 0, nothing is added to dw") {
  const Window window = square_window(3, 1, 1);
  struct Case {
    Shape x, w, y;
  };
  const Window no_rows{.kernel_h = 3, .kernel_w = 3, .padding_h = 1, .padding_w = 1, .extra_below = -2};
  for (const Case& c : {Case{{2, 0, 4, 5}, {3, 0, 3, 3}, {2, 3, 4, 5}}, Case{{2, 4, 4, 5}, {0, 4, 3, 3}, {2, 0, 4, 5}},
                        Case{{0, 4, 4, 5}, {3, 4, 3, 3}, {0, 3, 4, 5}}, Case{{2, 0, 4, 5}, {0, 2, 3, 3}, {2, 0, 4, 5}},
                        Case{{2, 4, 0, 5}, {3, 4, 3, 3}, {2, 3, 0, 5}}, Case{{2, 4, 2, 5}, {3, 4, 3, 3}, {2, 3, 0, 5}}}) {
    CAPTURE(to_string(c.x), to_string(c.w), to_string(c.y));
    const Window& here = c.y.h == 0 ? no_rows : window;
    const Tensor<float> x = filled<float>(c.x, 1), w = filled<float>(c.w, 2), b = filled<float>({1, c.w.n, 1, 1}, 3),
                        dy = filled<float>(c.y, 4);
    const auto check = [&](auto forward, auto backward_input, auto backward_weights) {
      Tensor<float> y(c.y, static_cast<float>(kNaN)), dx(c.x, static_cast<float>(kNaN)), dw(c.w, 2.0F), db(b.shape(), 3.0F);
      forward(x.view(), w.view(), b.view(), y.view(), here);
      backward_input(dy.view(), w.view(), dx.view(), here);
      backward_weights(dy.view(), x.view(), dw.view(), db.view(), here);
      for (int k = 0; k < c.y.c; ++k) {
        float sum = 3;
        for (int n = 0; n < c.y.n; ++n)
          for (int p = 0; p < c.y.h; ++p)
            for (int q = 0; q < c.y.w; ++q) {
              REQUIRE(y.view()(n, k, p, q) == b.data()[k]);
              sum += dy.view()(n, k, p, q);
            }
        REQUIRE(db.data()[k] == Approx(sum));
      }
      REQUIRE(std::all_of(dx.data(), dx.data() + dx.count(), [](float v) { return v == 0; }));
      REQUIRE(std::all_of(dw.data(), dw.data() + dw.count(), [](float v) { return v == 2; }));
    };
    check(cpu::conv2d_forward, cpu::conv2d_backward_input, cpu::conv2d_backward_weights);
    check(cpu::naive::conv2d_forward<float>, cpu::naive::conv2d_backward_input<float>,
          cpu::naive::conv2d_backward_weights<float>);
  }
}

TEST_CASE("a linear layer of no outputs, inputs or samples: y is the bias, dx is 0, nothing is added to dw") {
  struct Case {
    int samples, inputs, outputs;
  };
  for (const Case& c : {Case{3, 0, 5}, Case{3, 4, 0}, Case{0, 4, 5}, Case{20, 0, 5}, Case{20, 400, 0}}) {
    CAPTURE(c.samples, c.inputs, c.outputs);
    const Tensor<float> x = filled<float>({c.samples, c.inputs, 1, 1}, 1), w = filled<float>({c.outputs, c.inputs, 1, 1}, 2),
                        b = filled<float>({1, c.outputs, 1, 1}, 3), dy = filled<float>({c.samples, c.outputs, 1, 1}, 4);
    const auto check = [&](auto forward, auto backward_input, auto backward_weights) {
      Tensor<float> y(dy.shape(), static_cast<float>(kNaN)), dx(x.shape(), static_cast<float>(kNaN)), dw(w.shape(), 2.0F),
          db(b.shape(), 3.0F);
      forward(x.view(), w.view(), b.view(), y.view());
      backward_input(dy.view(), w.view(), dx.view());
      backward_weights(dy.view(), x.view(), dw.view(), db.view());
      for (int k = 0; k < c.outputs; ++k) {
        float sum = 3;
        for (int n = 0; n < c.samples; ++n) {
          REQUIRE(y.view()(n, k, 0, 0) == b.data()[k]);
          sum += dy.view()(n, k, 0, 0);
        }
        REQUIRE(db.data()[k] == Approx(sum));
      }
      REQUIRE(std::all_of(dx.data(), dx.data() + dx.count(), [](float v) { return v == 0; }));
      REQUIRE(std::all_of(dw.data(), dw.data() + dw.count(), [](float v) { return v == 2; }));
    };
    check(cpu::linear_forward, cpu::linear_backward_input, cpu::linear_backward_weights);
    check(cpu::naive::linear_forward<float>, cpu::naive::linear_backward_input<float>,
          cpu::naive::linear_backward_weights<float>);
  }
}

TEST_CASE("filters and channels that groups do not divide are refused") {
  Tensor<float> x({1, 6, 4, 4}), y({1, 4, 4, 4}), w({4, 2, 1, 1});  // 3 groups, 4 filters
  REQUIRE_THROWS_AS(cpu::conv2d_forward(x.view(), w.view(), {}, y.view(), Window{}), std::invalid_argument);
  w = Tensor<float>({4, 4, 1, 1});  // 4 of 6 channels
  REQUIRE_THROWS_AS(cpu::conv2d_forward(x.view(), w.view(), {}, y.view(), Window{}), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::naive::conv2d_forward<float>(x.view(), w.view(), {}, y.view(), Window{}), std::invalid_argument);
}
