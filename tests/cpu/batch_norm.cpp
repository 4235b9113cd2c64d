/// BatchNorm2d in its pieces: known values, groups divided among ranks, running statistics, evaluation.
#include <array>
#include <utility>

#include "tests/catch.h"
#include "tests/cpu/operands.h"

using namespace convoy;
using namespace convoy::test;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

template <class T>
View<const T> samples(const Tensor<T>& whole, const Slice& slice) {
  return {whole.data() + slice.offset * whole.shape().sample_count(), whole.shape().with_batch(static_cast<int>(slice.count))};
}
template <class T>
View<T> samples(Tensor<T>& whole, const Slice& slice) {
  return {whole.data() + slice.offset * whole.shape().sample_count(), whole.shape().with_batch(static_cast<int>(slice.count))};
}

}  // namespace

TEST_CASE("batch norm worked out by hand") {
  // Channel 0: 1, 3, 5, 7 (mean 4, variance 5); channel 1: 2, 2, 2, 2.
  Tensor<float> x({2, 2, 1, 2});
  std::copy_n(std::array{1.F, 3.F, 2.F, 2.F, 5.F, 7.F, 2.F, 2.F}.data(), 8, x.data());
  Tensor<float> gamma({1, 2, 1, 1}, 2.0F), beta({1, 2, 1, 1}, 0.5F), y(x.shape(), kNaN);
  std::vector<double> sums(5);
  cpu::batch_norm2d_statistics(x.view(), sums);
  REQUIRE(sums == std::vector<double>{16, 8, 84, 16, 4});
  cpu::batch_norm2d_forward(x.view(), gamma.view(), beta.view(), sums, 4, y.view());  // deviations 3 and 2
  const float third = 2.F / 3;
  const std::vector<float> expected = {0.5F - 3 * third, 0.5F - third, 0.5F, 0.5F, 0.5F + third, 0.5F + 3 * third, 0.5F, 0.5F};
  for (std::size_t i = 0; i < 8; ++i) REQUIRE(y.data()[i] == Approx(expected[i]).margin(1e-6));

  Tensor<float> mean({1, 2, 1, 1}, 10.0F), variance({1, 2, 1, 1}, 1.0F);
  cpu::batch_norm2d_update_running(sums, 0.25, mean.view(), variance.view());
  REQUIRE(mean.data()[0] == 8.5F);                               // 0.75 * 10 + 0.25 * 4
  REQUIRE(mean.data()[1] == 8.0F);                               // 0.75 * 10 + 0.25 * 2
  REQUIRE(variance.data()[0] == Approx(0.75 + 0.25 * 20 / 3.));  // unbiased: 20 / 3
  REQUIRE(variance.data()[1] == 0.75F);
}

TEST_CASE("a group divided among ranks whose sums are added is the group on one rank") {
  const Shape shape{7, 5, 3, 4};
  const BatchNorm2d norm{.epsilon = 0.01};
  Operands<double> whole(norm, shape, 1);
  run_all<Naive<double>>(whole);
  for (const int parts : {1, 2, 3, 9}) {  // 9 parts of 7 samples: some have none
    std::vector<double> sums(whole.sums.size()), gradient_sums(whole.gradient_sums.size());
    const auto total = [&](std::vector<double>& to, const auto& part_of) {
      for (int i = 0; i < parts; ++i) {
        std::vector<double> part(to.size(), std::nan(""));
        part_of(shard(shape.n, parts, i), part);
        for (std::size_t j = 0; j < to.size(); ++j) to[j] += part[j];
      }
    };
    total(sums, [&](const Slice& slice, std::vector<double>& part) {
      cpu::naive::batch_norm2d_statistics<double>(samples(std::as_const(whole.x), slice), part);
    });
    Operands<double> o(norm, shape, 1);
    total(gradient_sums, [&](const Slice& slice, std::vector<double>& part) {
      const auto x = samples(std::as_const(o.x), slice);
      const auto dy = samples(std::as_const(o.dy), slice);
      cpu::naive::batch_norm2d_forward<double>(x, o.w.view(), o.b.view(), sums, norm.epsilon, samples(o.y, slice));
      cpu::naive::batch_norm2d_backward_statistics<double>(dy, x, sums, norm.epsilon, part);
      cpu::naive::batch_norm2d_backward_weights<double>(part, o.dw.view(), o.db.view());  // a rank's own sums: they add up
    });
    for (int i = 0; i < parts; ++i) {
      const Slice slice = shard(shape.n, parts, i);
      cpu::naive::batch_norm2d_backward_input<double>(samples(std::as_const(o.dy), slice), samples(std::as_const(o.x), slice),
                                                      o.w.view(), sums, gradient_sums, norm.epsilon, samples(o.dx, slice));
    }
    CAPTURE(parts);
    REQUIRE(sums.back() == 7 * 3 * 4);
    REQUIRE(relative_difference(o.y, whole.y) <= 1e-13);
    REQUIRE(relative_difference(o.dx, whole.dx) <= 1e-12);
    REQUIRE(relative_difference(o.dw, whole.dw) <= 1e-13);
    REQUIRE(relative_difference(o.db, whole.db) <= 1e-13);
  }
}

TEST_CASE("y has mean beta and variance gamma^2, even where the mean is a thousand deviations away") {
  const Shape shape{8, 3, 16, 16};
  Tensor<float> x(shape), y(shape, kNaN), gamma({1, 3, 1, 1}), beta({1, 3, 1, 1});
  Random random(5);
  for (std::int64_t i = 0; i < x.count(); ++i) x.data()[i] = static_cast<float>(1000 + random.uniform(-1, 1));
  for (int c = 0; c < 3; ++c) {
    gamma.data()[c] = static_cast<float>(c + 1);
    beta.data()[c] = static_cast<float>(c) - 0.5F;
  }
  std::vector<double> sums(7);
  cpu::batch_norm2d_statistics(x.view(), sums);
  cpu::batch_norm2d_forward(x.view(), gamma.view(), beta.view(), sums, 1e-9, y.view());
  std::vector<double> moments(7);
  cpu::naive::batch_norm2d_statistics<float>(y.view(), moments);
  for (std::size_t c = 0; c < 3; ++c) {
    const double mean = moments[c] / moments[6];
    // A float at 1000 is 6e-5 coarse, a tenthousandth of the deviation of 0.58; scale x + shift doubles that.
    REQUIRE(mean == Approx(static_cast<double>(beta.data()[c])).margin(1e-3));
    REQUIRE(std::sqrt(moments[3 + c] / moments[6] - mean * mean) == Approx(static_cast<double>(c + 1)).epsilon(1e-3));
  }
}

TEST_CASE("running statistics: PyTorch's rule, one value, and no value") {
  for (const bool fast : {true, false}) {
    Tensor<float> mean({1, 1, 1, 1}, 2.0F), variance({1, 1, 1, 1}, 3.0F);
    const auto update = [&](const std::vector<double>& sums) {
      if (fast)
        cpu::batch_norm2d_update_running(sums, 0.1, mean.view(), variance.view());
      else
        cpu::naive::batch_norm2d_update_running<float>(sums, 0.1, mean.view(), variance.view());
    };
    update({0, 0, 0});  // a rank or a group without a sample
    REQUIRE(mean.data()[0] == 2.0F);
    REQUIRE(variance.data()[0] == 3.0F);
    update({5, 25, 1});  // one value, 5: m / (m - 1) would divide by 0
    REQUIRE(mean.data()[0] == Approx(0.9 * 2 + 0.1 * 5));
    REQUIRE(variance.data()[0] == Approx(0.9 * 3));
    update({4, 10, 2});  // 1 and 3: mean 2, unbiased variance 2
    REQUIRE(mean.data()[0] == Approx(0.9 * 2.3 + 0.1 * 2));
    REQUIRE(variance.data()[0] == Approx(0.9 * 2.7 + 0.1 * 2));
  }
}

TEST_CASE("evaluation uses the running statistics; fast equals naive, and y may be x") {
  const Shape shape{3, 5, 7, 9};
  for (const int threads : {1, 2, 3}) {
    const Threads scope(threads);
    Operands<float> o(BatchNorm2d{}, shape, 1);
    Operands<double> expected(BatchNorm2d{}, shape, 1);
    Tensor<float> mean({1, 5, 1, 1}), variance({1, 5, 1, 1});
    Tensor<double> mean64({1, 5, 1, 1}), variance64({1, 5, 1, 1});
    for (int c = 0; c < 5; ++c) {
      mean64.data()[c] = mean.data()[c] = static_cast<float>(0.25 * c - 0.5);
      variance64.data()[c] = variance.data()[c] = static_cast<float>(0.5 + c);
    }
    cpu::batch_norm2d_forward_evaluate(o.x.view(), o.w.view(), o.b.view(), mean.view(), variance.view(), 1e-5, o.y.view());
    cpu::naive::batch_norm2d_forward_evaluate<double>(expected.x.view(), expected.w.view(), expected.b.view(), mean64.view(),
                                                      variance64.view(), 1e-5, expected.y.view());
    REQUIRE(relative_difference(o.y, expected.y) <= 1e-6);
    const double by_hand = expected.w.data()[3] * (expected.x.view()(2, 3, 1, 4) - 0.25) / std::sqrt(3.5 + 1e-5);
    REQUIRE(expected.y.view()(2, 3, 1, 4) == Approx(by_hand + expected.b.data()[3]));
    cpu::batch_norm2d_forward_evaluate(o.x.view(), o.w.view(), o.b.view(), mean.view(), variance.view(), 1e-5, o.x.view());
    REQUIRE(relative_difference(o.x, o.y) == 0);
  }
}

TEST_CASE("a large gradient may be overwritten by dx") {
  Operands<float> o(BatchNorm2d{}, {4, 3, 8, 8}, 1);
  run_all<Fast>(o);
  cpu::batch_norm2d_backward_input(o.dy.view(), o.x.view(), o.w.view(), o.sums, o.gradient_sums, BatchNorm2d{}.epsilon,
                                   o.dy.view());
  REQUIRE(relative_difference(o.dy, o.dx) == 0);
}

TEST_CASE("one value a channel gives beta, and no gradient") {
  Operands<double> o(BatchNorm2d{}, {1, 4, 1, 1}, 1);
  run_all<Naive<double>>(o);
  for (int c = 0; c < 4; ++c) {
    REQUIRE(o.y.data()[c] == Approx(o.b.data()[c]));
    REQUIRE(std::abs(o.dx.data()[c]) <= 1e-12);
  }
}

TEST_CASE("sums and statistics of another number of channels are refused") {
  Tensor<float> x({2, 3, 4, 5}), three({1, 3, 1, 1}), four({1, 4, 1, 1});
  std::vector<double> seven(7), six(6), eight(8);
  REQUIRE_THROWS_AS(cpu::batch_norm2d_statistics(x.view(), six), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::batch_norm2d_forward(x.view(), three.view(), three.view(), eight, 1e-5, x.view()),
                    std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::batch_norm2d_forward(x.view(), three.view(), four.view(), seven, 1e-5, x.view()), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::batch_norm2d_update_running(seven, 0.1, four.view(), four.view()), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::batch_norm2d_update_running(seven, 0.1, three.view(), four.view()), std::invalid_argument);
  REQUIRE_THROWS_AS(
      cpu::batch_norm2d_forward_evaluate(x.view(), three.view(), three.view(), three.view(), four.view(), 1e-5, x.view()),
      std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::batch_norm2d_backward_statistics(x.view(), x.view(), seven, 1e-5, seven), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::batch_norm2d_backward_weights(six, three.view(), four.view()), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::batch_norm2d_backward_weights(seven, three.view(), three.view()), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::batch_norm2d_backward_input(x.view(), x.view(), four.view(), seven, six, 1e-5, x.view()),
                    std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::batch_norm2d_backward_input(x.view(), x.view(), three.view(), seven, seven, 1e-5, x.view()),
                    std::invalid_argument);
}
