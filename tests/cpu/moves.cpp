/// Kernels that move and add tensors and parts of them.
#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include "tests/catch.h"
#include "tests/cpu/filled.h"
#include "tests/cpu/operands.h"

using namespace convoy;
using namespace convoy::test;

TEST_CASE("parts are copied and added to their place, and nothing else changes; fast equals naive") {
  const Shape from_shape{4, 6, 9, 7}, to_shape{5, 6, 9, 7}, large_shape{5, 8, 11, 7};
  Random random(6);
  const auto block = [&](int from, int to) {  // first in `from`, first in `to`, count
    const int count = static_cast<int>(random.below(std::min(from, to) + 1));
    return std::array{static_cast<int>(random.below(from - count + 1)), static_cast<int>(random.below(to - count + 1)), count};
  };
  for (int i = 0; i < 200; ++i) {
    const Shape& target = i % 2 == 0 ? to_shape : large_shape;
    const auto [n0, n1, n] = block(from_shape.n, target.n);
    auto [c0, c1, c] = block(from_shape.c, target.c);
    auto [h0, h1, h] = block(from_shape.h, target.h);
    if (i % 4 == 0) h0 = h1 = 0, h = from_shape.h;  // whole channels
    if (i % 8 == 0) c0 = c1 = 0, c = from_shape.c;  // whole samples
    const cpu::Part part{n0, c0, h0, n1, c1, h1, n, c, h};
    const Tensor<float> from = filled<float>(from_shape, 1);
    for (const bool adds : {false, true}) {
      Tensor<float> got = filled<float>(target, 2), expected = filled<float>(target, 2), naive = filled<float>(target, 2);
      for (int a = 0; a < n; ++a)
        for (int b = 0; b < c; ++b)
          for (int r = 0; r < h; ++r)
            for (int w = 0; w < 7; ++w) {
              float& to = expected.view()(n1 + a, c1 + b, h1 + r, w);
              const float value = from.view()(n0 + a, c0 + b, h0 + r, w);
              to = adds ? to + value : value;
            }
      (adds ? cpu::add_part : cpu::copy_part)(from.view(), got.view(), part);
      (adds ? cpu::naive::add_part<float> : cpu::naive::copy_part<float>)(from.view(), naive.view(), part);
      CAPTURE(i, adds, n, c, h);
      REQUIRE(relative_difference(got, expected) == 0);
      REQUIRE(relative_difference(naive, expected) == 0);
    }
  }
}

TEST_CASE("large parts are divided among threads without loss") {
  const Shape from_shape{3, 40, 50, 33}, to_shape{3, 44, 60, 33};
  const Tensor<float> from = filled<float>(from_shape, 1);
  for (const int threads : {1, 2, 3, 7}) {
    const Threads scope(threads);
    for (const cpu::Part& part : {cpu::Part{0, 1, 2, 0, 3, 9, 3, 37, 41}, cpu::Part{0, 0, 0, 0, 4, 10, 3, 40, 50}}) {
      Tensor<float> got(to_shape, 1.0F), expected(to_shape, 1.0F);
      cpu::copy_part(from.view(), got.view(), part);
      cpu::naive::copy_part<float>(from.view(), expected.view(), part);
      REQUIRE(relative_difference(got, expected) == 0);
      cpu::add_part(from.view(), got.view(), part);
      cpu::naive::add_part<float>(from.view(), expected.view(), part);
      REQUIRE(relative_difference(got, expected) == 0);
    }
    Tensor<float> same(from_shape, static_cast<float>(kNaN));
    cpu::copy_part(from.view(), same.view(), {.n = 3, .c = 40, .h = 50});  // one run
    REQUIRE(relative_difference(same, from) == 0);
  }
}

TEST_CASE("parts that do not lie in their tensors, or whose rows differ, are refused") {
  Tensor<float> from({2, 3, 4, 5}), to({2, 3, 4, 5}), narrow({2, 3, 4, 4});
  const auto refuses = [&](const cpu::Part& part) {
    REQUIRE_THROWS_AS(cpu::copy_part(from.view(), to.view(), part), std::invalid_argument);
    REQUIRE_THROWS_AS(cpu::add_part(from.view(), to.view(), part), std::invalid_argument);
    REQUIRE_THROWS_AS(cpu::naive::copy_part<float>(from.view(), to.view(), part), std::invalid_argument);
    REQUIRE_THROWS_AS(cpu::naive::add_part<float>(from.view(), to.view(), part), std::invalid_argument);
  };
  refuses({.n = 3, .c = 1, .h = 1});
  refuses({.n = 1, .c = 4, .h = 1});
  refuses({.n = 1, .c = 1, .h = 5});
  refuses({.from_n = 1, .n = 2, .c = 1, .h = 1});
  refuses({.to_c = 1, .n = 2, .c = 3, .h = 1});
  refuses({.from_h = -1, .n = 1, .c = 1, .h = 1});
  refuses({.n = 1, .c = -1, .h = 1});
  REQUIRE_THROWS_AS(cpu::copy_part(from.view(), narrow.view(), {.n = 1, .c = 1, .h = 1}), std::invalid_argument);
}

TEST_CASE("a sum of one to five tensors, also into the first of them") {
  const Shape shape{3, 7, 60, 61};
  for (const int threads : {1, 3}) {
    const Threads scope(threads);
    for (std::size_t count = 1; count <= 5; ++count) {
      std::vector<Tensor<float>> tensors;
      std::vector<View<const float>> views;
      for (std::size_t i = 0; i < count; ++i) tensors.push_back(filled<float>(shape, i + 1));
      for (const Tensor<float>& tensor : tensors) views.push_back(tensor.view());
      Tensor<float> naive(shape, static_cast<float>(kNaN)), got(shape, static_cast<float>(kNaN));
      cpu::naive::sum<float>(views, naive.view());
      float by_hand = 0;
      for (const Tensor<float>& tensor : tensors) by_hand += tensor.data()[1234];
      REQUIRE(naive.data()[1234] == by_hand);
      cpu::sum(views, got.view());
      REQUIRE(relative_difference(got, naive) == 0);
      cpu::sum(views, tensors[0].view());
      REQUIRE(relative_difference(tensors[0], naive) == 0);
    }
  }
  Tensor<float> x({1, 2, 3, 4}), y({1, 2, 4, 3});
  const std::vector<View<const float>> one = {x.view()};
  REQUIRE_THROWS_AS(cpu::sum({}, y.view()), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::sum(one, y.view()), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::naive::sum<float>({}, y.view()), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::naive::sum<float>(one, y.view()), std::invalid_argument);
}

TEST_CASE("a bias on its own is that of the convolution") {
  const Shape shape{3, 5, 41, 67};
  const Tensor<float> b = filled<float>({1, 5, 1, 1}, 1), dy = filled<float>(shape, 2);
  for (const int threads : {1, 3}) {
    const Threads scope(threads);
    Tensor<float> y = filled<float>(shape, 3), naive = filled<float>(shape, 3), db({1, 5, 1, 1}, 2.0F);
    Tensor<double> dy64(shape), db64({1, 5, 1, 1}, 2.0);
    std::copy_n(dy.data(), dy.count(), dy64.data());
    cpu::add_bias(b.view(), y.view());
    cpu::naive::add_bias<float>(b.view(), naive.view());
    REQUIRE(relative_difference(y, naive) == 0);
    REQUIRE(y.view()(2, 3, 40, 66) == filled<float>(shape, 3).view()(2, 3, 40, 66) + b.data()[3]);
    cpu::bias_backward(dy.view(), db.view());
    cpu::naive::bias_backward<double>(dy64.view(), db64.view());
    REQUIRE(relative_difference(db, db64) <= 1e-5);
    double sum = 2;
    for (int n = 0; n < 3; ++n)
      for (int i = 0; i < 41 * 67; ++i) sum += dy64.view()(n, 4, 0, i);
    REQUIRE(db64.data()[4] == Approx(sum));
  }
  Tensor<float> wrong({1, 4, 1, 1}), y(shape);
  REQUIRE_THROWS_AS(cpu::add_bias(wrong.view(), y.view()), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::bias_backward(y.view(), wrong.view()), std::invalid_argument);
}
