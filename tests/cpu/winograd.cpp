/// Winograd's F(4x4, 3x3) and F(2x2, 5x5) against the naive convolution in double: results, and how large its errors are.
#include "reference/cpu/blocked/winograd.h"

#include "tests/catch.h"
#include "tests/cpu/blocked.h"

using namespace convoy;
using namespace convoy::test;

namespace {

namespace blocked = cpu::blocked;
namespace winograd = cpu::blocked::winograd;

/// winograd.h states 1e-4 of the largest value. Measured on these shapes: 5e-6 and less; the direct ways have 1e-6 and less. A
/// wrong element of a transform changes whole terms.
constexpr double kTolerance = 1e-4;

struct Case {
  Shape x;
  int filters;
  Window window;
  bool relu;
};
/// Whole tiles and rests of 1 to 3 rows and columns, channels and filters that fill no block, every padding, parts of images.
std::vector<Case> cases() {
  return {{{2, 32, 16, 16}, 48, square_window(3, 1, 1), true},
          {{3, 16, 13, 15}, 16, square_window(3, 1, 1), false},
          {{2, 33, 6, 9}, 21, square_window(3, 1, 1), true},
          {{1, 5, 11, 10}, 40, square_window(3), false},
          {{2, 16, 9, 7}, 16, square_window(3, 1, 2), true},
          {{1, 64, 28, 28}, 64, square_window(3, 1, 1), false},
          {{9, 48, 7, 7}, 80, square_window(3, 1, 1), true},
          {{1, 1, 3, 3}, 1, square_window(3), false},
          {{1, 20, 9, 8}, 17, Window{.kernel_h = 3, .kernel_w = 3, .padding_h = -1, .padding_w = 1, .extra_below = 3}, true},
          {{2, 32, 12, 14}, 48, square_window(5, 1, 2), true},
          {{1, 17, 13, 9}, 33, square_window(5, 1, 2), false},
          {{3, 16, 14, 14}, 16, square_window(5), true},
          {{1, 20, 7, 8}, 5, square_window(5, 1, 4), false},
          {{2, 64, 27, 27}, 24, square_window(5, 1, 2), false}};
}

double relative(double difference, double largest) { return difference == 0 ? 0 : difference / largest; }

}  // namespace

TEST_CASE("winograd equals the naive convolution within its bound, in all passes, with and without ReLU") {
  double worst = 0;
  for (const Case& c : cases()) {
    const Conv2d conv{c.filters, c.window, true};
    Operands<double> expected(conv, c.x, 3);
    Naive<double>::run(expected, conv, Pass::forward);
    if (c.relu) cpu::naive::relu_forward<double>(expected.y.view(), expected.y.view());
    if (c.relu) cpu::naive::relu_backward_input<double>(expected.dy.view(), expected.y.view(), expected.dy.view());
    Naive<double>::run(expected, conv, Pass::backward_input);
    Naive<double>::run(expected, conv, Pass::backward_weights);
    for (const int threads : {1, 2}) {
      INFO(describe(conv) << " on " << to_string(c.x) << (c.relu ? " with ReLU, " : ", ") << threads << " threads");
      const Threads scope(threads);
      Operands<float> o(conv, c.x, 3);
      const BlockedTensor x(o.x), dy(o.dy);
      BlockedTensor y(o.y.shape()), dx(o.x.shape());
      winograd::run(winograd::Convolution{.x = x.view(),
                                          .y = y.view(),
                                          .w = o.w.view(),
                                          .padding_h = c.window.padding_h,
                                          .padding_w = c.window.padding_w,
                                          .bias = o.b.data(),
                                          .relu = c.relu});
      REQUIRE(relative_difference(y.plain(), expected.y) <= kTolerance);
      const BlockedTensor mask(rounded(expected.y));  // the same elements count on both sides
      const float* where = c.relu ? mask.view().data : nullptr;
      winograd::run(winograd::Convolution{.x = dy.view(),
                                          .mask = where,
                                          .y = dx.view(),
                                          .w = o.w.view(),
                                          .transposed = true,
                                          .padding_h = c.window.kernel_h - 1 - c.window.padding_h,
                                          .padding_w = c.window.kernel_w - 1 - c.window.padding_w});
      winograd::run(winograd::WeightGradient{.dy = dy.view(),
                                             .mask = where,
                                             .x = x.view(),
                                             .dw = o.dw.view(),
                                             .db = o.db.view(),
                                             .padding_h = c.window.padding_h,
                                             .padding_w = c.window.padding_w});
      REQUIRE(relative_difference(dx.plain(), expected.dx) <= kTolerance);
      REQUIRE(relative_difference(o.dw, expected.dw) <= kTolerance);
      REQUIRE(relative_difference(o.db, expected.db) <= kTolerance);
      REQUIRE((y.padding_is_zero() && dx.padding_is_zero()));
      for (const double error : {relative_difference(y.plain(), expected.y), relative_difference(dx.plain(), expected.dx),
                                 relative_difference(o.dw, expected.dw)})
        worst = std::max(worst, error);
    }
  }
  INFO("the largest error is " << worst);
  REQUIRE(worst <= 2e-5);
}

TEST_CASE("winograd's sums are those of its output") {
  for (const Case& c : cases()) {
    INFO(to_string(c.x) << " to " << c.filters);
    const Conv2d conv{c.filters, c.window, true};
    Operands<float> o(conv, c.x, 3);
    const BlockedTensor x(o.x);
    BlockedTensor y(o.y.shape());
    const auto channels = static_cast<std::size_t>(c.filters);
    std::vector<double> sums(2 * channels + 1), expected(2 * channels + 1);
    for (const int threads : {1, 2}) {
      const Threads scope(threads);
      winograd::run(winograd::Convolution{.x = x.view(),
                                          .y = y.view(),
                                          .w = o.w.view(),
                                          .padding_h = c.window.padding_h,
                                          .padding_w = c.window.padding_w,
                                          .bias = o.b.data(),
                                          .sums = sums});
      blocked::batch_norm2d_statistics(y.view(), expected);
      double largest = 0;
      for (std::size_t i = channels; i < 2 * channels; ++i) largest = std::max(largest, expected[i]);
      for (std::size_t i = 0; i < 2 * channels; ++i) REQUIRE(relative(std::abs(sums[i] - expected[i]), largest) <= 1e-6);
    }
  }
}

TEST_CASE("winograd is chosen for 3x3 and 5x5 with stride 1 and enough tiles, and for nothing else") {
  using blocked::Algorithm;
  const auto chosen = [](const Shape& x, const Window& window) {
    const Shape y{x.n, 64, window.output_h(x.h), window.output_w(x.w)};
    return blocked::choose_algorithm(x, y, window, Pass::forward);
  };
  REQUIRE(chosen({16, 64, 56, 56}, square_window(3, 1, 1)) == Algorithm::winograd);
  REQUIRE(chosen({16, 64, 56, 56}, square_window(3, 2, 1)) == Algorithm::direct);
  REQUIRE(chosen({16, 64, 56, 56}, square_window(1)) == Algorithm::direct);
  REQUIRE(chosen({16, 64, 56, 56}, square_window(5, 1, 2)) == Algorithm::winograd);
  REQUIRE(chosen({16, 6, 14, 14}, square_window(5)) == Algorithm::direct);
  REQUIRE(chosen({16, 64, 56, 56}, square_window(5, 2, 2)) == Algorithm::direct);
  REQUIRE(chosen({16, 64, 56, 56}, square_window(7, 1, 3)) == Algorithm::direct);
  REQUIRE(chosen({1, 64, 7, 7}, square_window(3, 1, 1)) == Algorithm::direct);
}
