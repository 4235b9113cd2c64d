/// What tables do not show: known values, ties, NaN, splits of a batch, refusals.
#include <thread>

#include "tests/catch.h"
#include "tests/cpu/operands.h"

using namespace convoy;
using namespace convoy::test;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

Tensor<float> tensor(const Shape& shape, const std::vector<float>& values) {
  Tensor<float> result(shape, kNaN);
  REQUIRE(static_cast<std::int64_t>(values.size()) == shape.count());
  std::copy(values.begin(), values.end(), result.data());
  return result;
}
std::vector<float> values(const Tensor<float>& t) { return {t.span().begin(), t.span().end()}; }

}  // namespace

TEST_CASE("a convolution worked out by hand") {
  const Tensor<float> x = tensor({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const Tensor<float> w = tensor({1, 1, 2, 2}, {1, 10, 100, 1000});  // not turned round: it is a cross-correlation
  const Tensor<float> b = tensor({1, 1, 1, 1}, {0.5});
  Tensor<float> y({1, 1, 2, 2}, kNaN);
  cpu::conv2d_forward(x.view(), w.view(), b.view(), y.view(), square_window(2));
  REQUIRE(values(y) == std::vector<float>{5421.5, 6532.5, 8754.5, 9865.5});
  y.fill(kNaN);
  cpu::naive::conv2d_forward<float>(x.view(), w.view(), b.view(), y.view(), square_window(2));
  REQUIRE(values(y) == std::vector<float>{5421.5, 6532.5, 8754.5, 9865.5});
}

TEST_CASE("the first of equal maxima gets the gradient") {
  for (const Window& window : {square_window(2, 2), Window{2, 2, 2, 2, 0, 0}, square_window(3, 2, 1)}) {
    const Tensor<float> x({1, 1, 4, 40}, 3.0F);
    Tensor<float> dy(output_shape(MaxPool2d{window}, x.shape()));
    std::iota(dy.data(), dy.data() + dy.count(), 1.0F);
    Tensor<float> fast(x.shape(), kNaN);
    Tensor<float> naive(x.shape(), kNaN);
    cpu::max_pool2d_backward_input(dy.view(), x.view(), fast.view(), window);
    cpu::naive::max_pool2d_backward_input<float>(dy.view(), x.view(), naive.view(), window);
    REQUIRE(values(fast) == values(naive));
  }
  // Each corner of a 2 x 2 window in turn, and a tie of each pair.
  const Tensor<float> x = tensor({5, 1, 2, 2}, {9, 1, 2, 3, 1, 9, 9, 3, 1, 2, 9, 9, 1, 2, 3, 9, 4, 9, 4, 9});
  const Tensor<float> dy = tensor({5, 1, 1, 1}, {1, 2, 3, 4, 5});
  Tensor<float> dx(x.shape(), kNaN);
  cpu::max_pool2d_backward_input(dy.view(), x.view(), dx.view(), square_window(2, 2));
  REQUIRE(values(dx) == std::vector<float>{1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0, 5, 0, 0});
}

TEST_CASE("padding never wins a maximum") {
  const Tensor<float> x({1, 1, 3, 3}, -5.0F);
  Tensor<float> y({1, 1, 2, 2}, kNaN);
  cpu::max_pool2d_forward(x.view(), y.view(), square_window(3, 2, 1));
  REQUIRE(values(y) == std::vector<float>(4, -5.0F));
}

TEST_CASE("a NaN that goes in comes out, so that stale memory is noticed") {
  for (const Layer& layer : {Layer{ReLU{}}, Layer{MaxPool2d{square_window(2, 2)}}, Layer{Conv2d{3, square_window(3)}},
                             Layer{Conv2d{2, square_window(3), true, 2}}, Layer{Linear{4}}, Layer{GlobalAvgPool2d{}},
                             Layer{BatchNorm2d{}}, Layer{LocalResponseNorm{}}, Layer{Add{}}, Layer{Concat{}}}) {
    INFO(describe(layer));
    for (const std::int64_t where : {0, 7, 15}) {
      Operands<float> fast(layer, {1, 2, 4, 4}, 1);
      Operands<float> naive(layer, {1, 2, 4, 4}, 1);
      fast.x.data()[where] = naive.x.data()[where] = kNaN;
      fast.y.fill(0);
      naive.y.fill(0);
      run<Fast>(fast, Pass::forward);
      run<Naive<float>>(naive, Pass::forward);
      std::int64_t nans = 0;
      for (std::int64_t i = 0; i < fast.y.count(); ++i) {
        nans += std::isnan(fast.y.data()[i]) ? 1 : 0;
        REQUIRE(std::isnan(fast.y.data()[i]) == std::isnan(naive.y.data()[i]));
      }
      REQUIRE(nans > 0);
    }
  }
}

TEST_CASE("ReLU's gradient at 0 is 0, and operands may be the same memory") {
  Tensor<float> x = tensor({1, 5, 1, 1}, {-2, -0.0F, 0, 1e-30F, 3});
  cpu::relu_forward(x.view(), x.view());
  REQUIRE(values(x) == std::vector<float>{0, 0, 0, 1e-30F, 3});
  Tensor<float> d = tensor({1, 5, 1, 1}, {1, 2, 3, 4, 5});
  cpu::relu_backward_input(d.view(), x.view(), d.view());
  REQUIRE(values(d) == std::vector<float>{0, 0, 0, 4, 5});
}

TEST_CASE("dropout drops the same elements however a batch is split") {
  const Shape shape{7, 3, 4, 5};
  Operands<float> whole(Dropout{0.4}, shape, 1);
  cpu::dropout_forward(whole.x.view(), whole.y.view(), 0.4, kKey);
  for (int split = 0; split <= shape.n; ++split) {
    Tensor<float> parts(shape, kNaN);
    const std::int64_t first = split * shape.sample_count();
    cpu::DropoutKey second = kKey;
    second.first_sample += split;
    cpu::dropout_forward({whole.x.data(), shape.with_batch(split)}, {parts.data(), shape.with_batch(split)}, 0.4, kKey);
    cpu::dropout_forward({whole.x.data() + first, shape.with_batch(shape.n - split)},
                         {parts.data() + first, shape.with_batch(shape.n - split)}, 0.4, second);
    INFO("split at " << split);
    REQUIRE(values(parts) == values(whole.y));
  }
}

TEST_CASE("dropout keeps the share it should and scales it; other keys drop others") {
  const Shape shape{10, 50, 20, 10};  // 100,000 elements: three standard deviations of the share are below 0.005
  for (const double probability : {0.1, 0.5, 0.9}) {
    const Tensor<float> ones(shape, 1.0F);
    Tensor<float> y(shape, kNaN);
    cpu::dropout_forward(ones.view(), y.view(), probability, kKey);
    const auto kept = std::count_if(y.data(), y.data() + y.count(), [](float v) { return v != 0; });
    REQUIRE(std::abs(static_cast<double>(kept) / 1e5 - (1 - probability)) <= 0.005);
    REQUIRE(*std::max_element(y.data(), y.data() + y.count()) == static_cast<float>(1 / (1 - probability)));
    for (const cpu::DropoutKey& other :
         {cpu::DropoutKey{12, 5, 3, 70}, cpu::DropoutKey{11, 6, 3, 70}, cpu::DropoutKey{11, 5, 4, 70}}) {
      Tensor<float> z(shape, kNaN);
      cpu::dropout_forward(ones.view(), z.view(), probability, other);
      REQUIRE(values(y) != values(z));
    }
  }
}

TEST_CASE("softmax and its loss: known values, and logits that would overflow") {
  const Tensor<float> x = tensor({4, 2, 1, 1}, {0, 0, 1e4F, -1e4F, 1e4F, -1e4F, 3e38F, 3e38F});
  const std::vector<int> labels = {1, 0, 1, 0};
  Tensor<float> y(x.shape(), kNaN);
  const cpu::Loss loss = cpu::softmax_cross_entropy_forward(x.view(), labels, y.view(), {});
  REQUIRE(values(y) == std::vector<float>{0.5, 0.5, 1, 0, 1, 0, 0.5, 0.5});
  REQUIRE(loss.loss_sum == Approx(2 * std::log(2.0) + 2e4));
  REQUIRE(loss.correct == 2);  // samples 1 and 3: the first of the largest; sample 0's label ties but is not first
  Tensor<float> dx(x.shape(), kNaN);
  cpu::softmax_cross_entropy_backward_input(y.view(), labels, dx.view(), {}, 0.25);
  REQUIRE(values(dx) == std::vector<float>{0.125, -0.125, 0, 0, 0.25, -0.25, -0.125, 0.125});
}

TEST_CASE("a NaN logit makes the loss NaN and is never counted as right") {
  for (const int at : {0, 1, 2}) {
    Tensor<float> x = tensor({1, 3, 1, 1}, {1, 2, 3});
    x.data()[at] = kNaN;
    Tensor<float> y(x.shape(), 0.0F);
    for (const int label : {0, 1, 2}) {
      const cpu::Loss loss = cpu::softmax_cross_entropy_forward(x.view(), std::vector<int>{label}, y.view(), {});
      REQUIRE(std::isnan(loss.loss_sum));
      REQUIRE(loss.correct == 0);
      REQUIRE(cpu::naive::softmax_cross_entropy_forward<float>(x.view(), std::vector<int>{label}, y.view(), {}).correct == 0);
    }
  }
}

TEST_CASE("labels that are no class, or too few of them, are refused") {
  const Tensor<float> x({2, 3, 1, 1}, 1.0F);
  Tensor<float> y(x.shape());
  for (const std::vector<int>& labels : {std::vector<int>{0, 3}, {-1, 0}, {0}, {0, 1, 2}}) {
    REQUIRE_THROWS_AS(cpu::softmax_cross_entropy_forward(x.view(), labels, y.view(), {}), std::invalid_argument);
    REQUIRE_THROWS_AS(cpu::softmax_cross_entropy_backward_input(x.view(), labels, y.view(), {}, 1.0), std::invalid_argument);
    REQUIRE_THROWS_AS(cpu::naive::softmax_cross_entropy_forward<float>(x.view(), labels, y.view(), {}), std::invalid_argument);
    REQUIRE_THROWS_AS(cpu::naive::softmax_cross_entropy_backward_input<float>(x.view(), labels, y.view(), {}, 1.0),
                      std::invalid_argument);
  }
}

TEST_CASE("SGD follows PyTorch's rule, worked out by hand for two steps") {
  const cpu::SgdSettings settings{.learning_rate = 0.5, .momentum = 0.5, .weight_decay = 0.25};
  const std::vector<float> gradient = {1, -2};
  const auto check = [&](auto update) {
    std::vector<float> w = {4, 8};
    std::vector<float> v = {0, 0};
    update(w, v);  // v = dw + w/4 = {2, 0}; w = {3, 8}
    REQUIRE(w == std::vector<float>{3, 8});
    update(w, v);  // v = {1, 0} + {1.75, 0}; w = {3 - 1.375, 8}
    REQUIRE(v == std::vector<float>{2.75, 0});
    REQUIRE(w == std::vector<float>{1.625, 8});
  };
  check([&](std::span<float> w, std::span<float> v) { cpu::sgd_update(w, gradient, v, settings); });
  check([&](std::span<float> w, std::span<float> v) { cpu::naive::sgd_update<float>(w, gradient, v, settings); });
}

TEST_CASE("SGD with Nesterov's look-ahead and a scale, worked out by hand for two steps") {
  const cpu::SgdSettings settings{.learning_rate = 0.5, .momentum = 0.5, .weight_decay = 0.25, .nesterov = true, .scale = 2};
  const std::vector<float> gradient = {1, -2};
  const auto check = [&](auto update) {
    std::vector<float> w = {4, 8};
    std::vector<float> v = {0, 0};
    update(w, v);  // g = 2 (dw + w/4) = {4, 0}; v = {4, 0}; w = 4 - (4 + 2) / 2
    REQUIRE(w == std::vector<float>{1, 8});
    update(w, v);  // g = {2.5, 0}; v = {4.5, 0}; w = 1 - (2.5 + 2.25) / 2
    REQUIRE(v == std::vector<float>{4.5, 0});
    REQUIRE(w == std::vector<float>{-1.375, 8});
  };
  check([&](std::span<float> w, std::span<float> v) { cpu::sgd_update(w, gradient, v, settings); });
  check([&](std::span<float> w, std::span<float> v) { cpu::naive::sgd_update<float>(w, gradient, v, settings); });
  const cpu::SgdSettings plain{.learning_rate = 0.5, .momentum = 0, .weight_decay = 0.25, .scale = 2};
  std::vector<float> w = {4, 8};
  cpu::sgd_update(w, gradient, {}, plain);
  REQUIRE(w == std::vector<float>{2, 8});
}

TEST_CASE("SGD on many weights: fast equals naive for every number of threads, with and without momentum") {
  Random random(17);
  for (const double momentum : {0.0, 0.9}) {
    for (const int threads : {1, 2, 3}) {
      const Threads scope(threads);
      const cpu::SgdSettings settings{
          .learning_rate = 0.1, .momentum = momentum, .weight_decay = 0.01, .nesterov = threads == 2, .scale = 1.25};
      const Shape shape{1, 100'003, 1, 1};
      Operands<float> fast(ReLU{}, shape, 1);
      Operands<double> naive(ReLU{}, shape, 1);
      Tensor<float> v(shape);
      Tensor<double> v_naive(shape);
      for (int step = 0; step < 3; ++step) {
        cpu::sgd_update(fast.x.span(), fast.dy.span(), momentum == 0 ? std::span<float>{} : v.span(), settings);
        cpu::naive::sgd_update<double>(naive.x.span(), naive.dy.span(), v_naive.span(), settings);
      }
      REQUIRE(relative_difference(fast.x, naive.x) <= 1e-6);
      if (momentum != 0) REQUIRE(relative_difference(v, v_naive) <= 1e-6);
    }
  }
  std::vector<float> two(2), three(3);
  REQUIRE_THROWS_AS(cpu::sgd_update(two, three, two, {}), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::sgd_update(two, two, {}, {.momentum = 0.9}), std::invalid_argument);
  REQUIRE_THROWS_AS(cpu::naive::sgd_update<float>(two, two, three, {}), std::invalid_argument);
}

namespace {

/// Every pass of the layer must refuse when any one operand has another shape than it should.
template <class Kernels, class T>
void check_refusals(const Layer& layer) {
  const Shape shape{2, 3, 6, 6};
  const auto refuses = [&](Tensor<T> Operands<T>::*operand, const std::vector<Pass>& passes) {
    for (const Pass pass : passes) {
      for (int dimension = 0; dimension < 4; ++dimension) {
        Operands<T> o(layer, shape, 1);
        Shape wrong = (o.*operand).shape();
        (dimension == 0 ? wrong.n : dimension == 1 ? wrong.c : dimension == 2 ? wrong.h : wrong.w) += 1;
        (o.*operand) = Tensor<T>(wrong);
        INFO(describe(layer) << ", pass " << static_cast<int>(pass) << ", dimension " << dimension);
        REQUIRE_THROWS_AS(run<Kernels>(o, pass), std::invalid_argument);
      }
    }
  };
  const bool learns = Operands<T>(layer, shape, 1).learns();
  refuses(&Operands<T>::y, {Pass::forward});
  refuses(&Operands<T>::dy, {Pass::backward_input});
  refuses(&Operands<T>::dx, {Pass::backward_input});
  if (!learns) return;
  refuses(&Operands<T>::w, {Pass::forward, Pass::backward_input});
  refuses(&Operands<T>::b, {Pass::forward});
  refuses(&Operands<T>::dw, {Pass::backward_weights});
  refuses(&Operands<T>::db, {Pass::backward_weights});
  refuses(&Operands<T>::x, {Pass::forward});
  if (!std::holds_alternative<BatchNorm2d>(layer)) refuses(&Operands<T>::x, {Pass::backward_weights});  // that reads sums only
}

}  // namespace

TEST_CASE("operands whose shapes disagree are refused, naming the shapes") {
  for (const Layer& layer : {Layer{Conv2d{4, square_window(3)}}, Layer{Linear{5}}, Layer{MaxPool2d{square_window(2)}},
                             Layer{ReLU{}}, Layer{Dropout{0.5}}, Layer{BatchNorm2d{}}, Layer{LocalResponseNorm{}}, Layer{Add{}},
                             Layer{Conv2d{6, square_window(3), true, 3}}}) {
    check_refusals<Fast, float>(layer);
    check_refusals<Naive<double>, double>(layer);
  }
  Operands<float> o(Conv2d{4, square_window(3)}, {2, 3, 6, 6}, 1);
  o.w = Tensor<float>({4, 5, 3, 3});
  try {
    run<Fast>(o, Pass::forward);
    FAIL("accepted");
  } catch (const std::invalid_argument& error) {
    const std::string text = error.what();
    CAPTURE(text);
    REQUIRE(text.find("[conv2d_forward] x has 3 channels, w expects 5") == 0);
    REQUIRE(text.find("4x5x3x3") != std::string::npos);
  }
  Tensor<float> x({1, 2, 3, 4});
  for (const double probability : {-0.1, 1.0, std::numeric_limits<double>::quiet_NaN()})
    REQUIRE_THROWS_AS(cpu::dropout_forward(x.view(), x.view(), probability, kKey), std::invalid_argument);
}

TEST_CASE("denormals become zero in a thread that asks for it, and only there") {
  const auto product = [] {
    volatile float tiny = 1e-30F;
    return tiny * tiny * 0 + tiny * 1e-12F;  // 1e-42 is a denormal
  };
  float flushed = kNaN;
  std::thread([&] {
    cpu::flush_denormals();
    flushed = product();
  }).join();
#if defined(__SSE3__)
  REQUIRE(flushed == 0.0F);
#endif
  REQUIRE(product() > 0.0F);
}
