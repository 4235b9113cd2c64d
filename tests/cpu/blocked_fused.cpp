/// What blocked kernels do together with others: ReLU, sums and masks of convolutions, BatchNorm with something added.
#include "tests/catch.h"
#include "tests/cpu/blocked.h"

using namespace convoy;
using namespace convoy::test;

namespace {

namespace blocked = cpu::blocked;
constexpr double kTolerance = 1e-5;

struct Case {
  Conv2d conv;
  Shape x;
};
std::vector<Case> cases() {
  return {{{32, square_window(3, 1, 1)}, {2, 32, 14, 14}},
          {{64, square_window(3, 1, 1), false}, {3, 64, 8, 8}},
          {{21, square_window(3, 2, 1)}, {2, 33, 13, 9}},
          {{64, square_window(1), false}, {2, 48, 7, 7}},
          {{48, square_window(1, 2)}, {2, 32, 14, 14}},
          {{16, square_window(5)}, {3, 6, 14, 14}},
          {{6, square_window(5, 1, 2)}, {2, 1, 12, 13}},
          {{32, square_window(5, 1, 2)}, {1, 24, 14, 13}},
          {{21, square_window(3, 2, 1), true, 21}, {2, 21, 9, 8}},
          {{32, square_window(3, 1, 1), true, 32}, {2, 32, 9, 10}},
          {{64, square_window(7, 2, 3)}, {2, 3, 30, 30}}};
}

/// y = relu(conv(x)), and the gradients of it, naive and in double.
Operands<double> expected_with_relu(const Case& c) {
  Operands<double> o(c.conv, c.x, 3);
  Naive<double>::run(o, c.conv, Pass::forward);
  cpu::naive::relu_forward<double>(o.y.view(), o.y.view());
  cpu::naive::relu_backward_input<double>(o.dy.view(), o.y.view(), o.dy.view());
  Naive<double>::run(o, c.conv, Pass::backward_input);
  Naive<double>::run(o, c.conv, Pass::backward_weights);
  return o;
}

}  // namespace

TEST_CASE("convolutions with ReLU equal convolution and ReLU, and leave dy as it was") {
  for (const Case& c : cases()) {
    for (const int threads : {1, 2}) {
      INFO(describe(c.conv) << " on " << to_string(c.x) << " with " << threads << " threads");
      const Threads scope(threads);
      const Operands<double> expected = expected_with_relu(c);
      Operands<float> o(c.conv, c.x, 3);
      BlockedTensor x(o.x), y(o.y.shape()), dy(o.dy), dx(o.x.shape());
      blocked::conv2d_forward(x.view(), o.w.view(), o.b.view(), y.view(), c.conv.window, {.relu = true});
      blocked::conv2d_backward_input(dy.view(), o.w.view(), dx.view(), c.conv.window, y.view());
      blocked::conv2d_backward_weights(dy.view(), x.view(), o.dw.view(), o.db.view(), c.conv.window, y.view());
      REQUIRE(relative_difference(y.plain(), expected.y) <= kTolerance);
      REQUIRE(relative_difference(dx.plain(), expected.dx) <= kTolerance);
      REQUIRE(relative_difference(o.dw, expected.dw) <= kTolerance);
      REQUIRE(relative_difference(o.db, expected.db) <= kTolerance);
      if (c.conv.groups == 1) {  // from plain images
        Operands<float> plain(c.conv, c.x, 3);
        blocked::conv2d_backward_weights(dy.view(), plain.x.view(), plain.dw.view(), plain.db.view(), c.conv.window, y.view());
        REQUIRE(relative_difference(plain.dw, expected.dw) <= kTolerance);
        REQUIRE(relative_difference(plain.db, expected.db) <= kTolerance);
      }
      REQUIRE(relative_difference(dy.plain(), o.dy) <= 0);
      REQUIRE((y.padding_is_zero() && dx.padding_is_zero()));
    }
  }
}

TEST_CASE("the sums that a convolution makes are those of its output") {
  for (const Case& c : cases()) {
    for (const bool plain_input : {false, true}) {
      for (const int threads : {1, 2}) {
        INFO(describe(c.conv) << " on " << to_string(c.x) << (plain_input ? " plain" : "") << " with " << threads << " threads");
        const Threads scope(threads);
        Operands<double> expected(c.conv, c.x, 3);
        Naive<double>::run(expected, c.conv, Pass::forward);
        const auto channels = static_cast<std::size_t>(expected.y.shape().c);
        std::vector<double> expected_sums(2 * channels + 1);
        cpu::naive::batch_norm2d_statistics<double>(expected.y.view(), expected_sums);
        Operands<float> o(c.conv, c.x, 3);
        const BlockedTensor x(o.x);
        BlockedTensor y(o.y.shape());
        std::vector<double> sums(2 * channels + 1, std::numeric_limits<double>::quiet_NaN());
        if (plain_input)
          blocked::conv2d_forward(o.x.view(), o.w.view(), o.b.view(), y.view(), c.conv.window, {.sums = sums});
        else
          blocked::conv2d_forward(x.view(), o.w.view(), o.b.view(), y.view(), c.conv.window, {.sums = sums});
        REQUIRE(sums.back() == expected_sums.back());
        double largest = 0;
        for (std::size_t i = channels; i < 2 * channels; ++i) largest = std::max(largest, expected_sums[i]);
        for (std::size_t i = 0; i < 2 * channels; ++i) REQUIRE(std::abs(sums[i] - expected_sums[i]) <= kTolerance * largest);
      }
    }
  }
}

TEST_CASE("batch norm with something added and ReLU equals the three, forward, backward and in evaluation") {
  for (const Shape& shape : {Shape{3, 32, 14, 14}, Shape{2, 5, 7, 9}, Shape{4, 33, 1, 1}}) {
    for (const bool relu : {false, true}) {
      for (const bool adds : {false, true}) {
        INFO(to_string(shape) << (relu ? " with ReLU" : "") << (adds ? " with z" : ""));
        const BatchNorm2d norm{};
        Operands<double> expected(norm, shape, 3);
        const Operands<double> other(norm, shape, 4);  // its x is z
        using namespace cpu::naive;
        Naive<double>::run(expected, norm, Pass::forward);
        if (adds) sum<double>(std::vector<View<const double>>{expected.y.view(), other.x.view()}, expected.y.view());
        if (relu) relu_forward<double>(expected.y.view(), expected.y.view());
        if (relu) relu_backward_input<double>(expected.dy.view(), expected.y.view(), expected.dy.view());
        Naive<double>::run(expected, norm, Pass::backward_input);

        Operands<float> o(norm, shape, 3);
        const Operands<float> other_float(norm, shape, 4);
        BlockedTensor x(o.x), z(other_float.x), y(shape), dy(o.dy), dz(shape), dx(shape);
        const blocked::BlockedView<const float> none;
        const blocked::BlockedView<const float> mask = relu ? y.view() : blocked::BlockedView<float>{};
        blocked::batch_norm2d_statistics(x.view(), o.sums);
        blocked::batch_norm2d_forward(x.view(), adds ? z.view() : none, o.w.view(), o.b.view(), o.sums, norm.epsilon, relu,
                                      y.view());
        blocked::batch_norm2d_backward_statistics(dy.view(), x.view(), mask, o.sums, norm.epsilon, o.gradient_sums, dz.view());
        blocked::batch_norm2d_backward_input(dy.view(), x.view(), mask, o.w.view(), o.sums, o.gradient_sums, norm.epsilon,
                                             dx.view());
        REQUIRE(relative_difference(y.plain(), expected.y) <= kTolerance);
        REQUIRE(relative_difference(dz.plain(), expected.dy) <= 0);
        REQUIRE(relative_difference(dx.plain(), expected.dx) <= kTolerance);
        REQUIRE((y.padding_is_zero() && dx.padding_is_zero() && dz.padding_is_zero()));
        BlockedTensor again(shape);  // from the masked gradient, without y
        blocked::batch_norm2d_backward_input(dz.view(), x.view(), none, o.w.view(), o.sums, o.gradient_sums, norm.epsilon,
                                             again.view());
        REQUIRE(relative_difference(again.plain(), dx.plain()) <= 0);

        Tensor<float> mean({1, shape.c, 1, 1}), variance({1, shape.c, 1, 1});
        for (int c = 0; c < shape.c; ++c) {  // evaluation with the group's own statistics is training
          const auto statistics = channel_statistics<double>(o.sums, static_cast<std::size_t>(c), norm.epsilon);
          mean.data()[c] = static_cast<float>(statistics.mean);
          variance.data()[c] = static_cast<float>(statistics.variance);
        }
        BlockedTensor evaluated(shape);
        blocked::batch_norm2d_forward_evaluate(x.view(), adds ? z.view() : none, o.w.view(), o.b.view(), mean.view(),
                                               variance.view(), norm.epsilon, relu, evaluated.view());
        REQUIRE(relative_difference(evaluated.plain(), expected.y) <= kTolerance);
        REQUIRE(evaluated.padding_is_zero());
      }
    }
  }
}

TEST_CASE("batch norm of a tensor so large that it is stored past the caches is that of its images one by one") {
  const Shape one{1, 16, 80, 80};
  const Shape many = one.with_batch(static_cast<int>(blocked::kStreamedFloats / blocked::blocked_count(one)) + 1);
  const BatchNorm2d norm{};
  Operands<float> o(norm, one, 3);
  const Operands<float> other(norm, one, 4);
  const BlockedTensor x(o.x), z(other.x), dy(o.dy);
  const auto copies = [&](const BlockedTensor& image) {
    BlockedTensor all(many);
    const std::int64_t count = image.view().count();
    for (int n = 0; n < many.n; ++n) std::copy_n(image.view().data, count, all.view().data + n * count);
    return all;
  };
  const BlockedTensor xs = copies(x), zs = copies(z), dys = copies(dy);
  BlockedTensor y(one), dz(one), dx(one), ys(many), dzs(many), dxs(many);
  blocked::batch_norm2d_statistics(x.view(), o.sums);
  std::vector<double> sums_of_all = o.gradient_sums;
  blocked::batch_norm2d_forward(x.view(), z.view(), o.w.view(), o.b.view(), o.sums, norm.epsilon, true, y.view());
  blocked::batch_norm2d_forward(xs.view(), zs.view(), o.w.view(), o.b.view(), o.sums, norm.epsilon, true, ys.view());
  blocked::batch_norm2d_backward_statistics(dy.view(), x.view(), y.view(), o.sums, norm.epsilon, o.gradient_sums, dz.view());
  blocked::batch_norm2d_backward_statistics(dys.view(), xs.view(), ys.view(), o.sums, norm.epsilon, sums_of_all, dzs.view());
  for (std::size_t i = 0; i < sums_of_all.size(); ++i)
    REQUIRE(std::abs(sums_of_all[i] / many.n - o.gradient_sums[i]) <= kTolerance * o.sums.back());
  using In = blocked::BlockedView<const float>;
  for (const bool relu : {false, true}) {
    blocked::batch_norm2d_backward_input(dy.view(), x.view(), relu ? In(y.view()) : In{}, o.w.view(), o.sums, o.gradient_sums,
                                         norm.epsilon, dx.view());
    blocked::batch_norm2d_backward_input(dys.view(), xs.view(), relu ? In(ys.view()) : In{}, o.w.view(), o.sums, o.gradient_sums,
                                         norm.epsilon, dxs.view());
    const auto same = [&](BlockedTensor& image, BlockedTensor& all) {
      const std::int64_t count = image.view().count();
      for (int n = 0; n < many.n; ++n)
        if (!std::equal(image.view().data, image.view().data + count, all.view().data + n * count)) return false;
      return true;
    };
    REQUIRE(same(y, ys));
    REQUIRE(same(dz, dzs));
    REQUIRE(same(dx, dxs));
    const std::vector<In> two = {x.view(), z.view()}, two_of_all = {xs.view(), zs.view()};
    blocked::sum(two, relu, dx.view());
    blocked::sum(two_of_all, relu, dxs.view());
    REQUIRE(same(dx, dxs));
  }
}

TEST_CASE("two tensors added with ReLU, in place") {
  const Add add;
  Operands<float> o(add, {2, 21, 5, 7}, 3);
  BlockedTensor a(o.x), b(o.more[0]);
  const std::vector<blocked::BlockedView<const float>> xs = {a.view(), b.view()};
  blocked::sum(xs, true, a.view());
  const Tensor<float> got = a.plain();
  for (std::int64_t i = 0; i < got.count(); ++i) REQUIRE(got.data()[i] == std::max(o.x.data()[i] + o.more[0].data()[i], 0.0F));
  REQUIRE(a.padding_is_zero());
}

TEST_CASE("blocked kernels refuse shapes that disagree") {
  const Shape shape{1, 16, 4, 4};
  BlockedTensor x(shape), y(shape), other(Shape{1, 16, 4, 5});
  Tensor<float> w({16, 16, 3, 3}), wrong({16, 15, 3, 3});
  std::vector<double> sums(33);
  REQUIRE_THROWS_AS(blocked::conv2d_forward(x.view(), wrong.view(), {}, y.view(), square_window(3, 1, 1)), std::invalid_argument);
  REQUIRE_THROWS_AS(blocked::conv2d_forward(x.view(), w.view(), {}, other.view(), square_window(3, 1, 1)), std::invalid_argument);
  REQUIRE_THROWS_AS(
      blocked::conv2d_forward(x.view(), w.view(), {}, y.view(), square_window(3, 1, 1), {.relu = true, .sums = sums}),
      std::invalid_argument);
  REQUIRE_THROWS_AS(blocked::conv2d_backward_input(x.view(), w.view(), y.view(), square_window(3, 1, 1), other.view()),
                    std::invalid_argument);
  REQUIRE_THROWS_AS(blocked::relu_forward(x.view(), other.view()), std::invalid_argument);
  REQUIRE_THROWS_AS(blocked::copy_channels(x.view(), 8, y.view(), 0, 9), std::invalid_argument);
}
