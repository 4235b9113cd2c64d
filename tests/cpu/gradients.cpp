/// The naive backward kernels against central differences of the naive forward kernels, in double.
#include "tests/catch.h"
#include "tests/cpu/operands.h"
#include "tests/rows/layers.h"

using namespace convoy;
using namespace convoy::test;

namespace {

/// The scalar that is differentiated: sum of dy * y, or the scaled loss for the loss layer.
double objective(Operands<double>& o) {
  run<Naive<double>>(o, Pass::forward);
  if (std::holds_alternative<SoftmaxCrossEntropy>(o.layer)) return o.loss.loss_sum * o.scale;
  double sum = 0;
  for (std::int64_t i = 0; i < o.y.count(); ++i) sum += o.dy.data()[i] * o.y.data()[i];
  return sum;
}

/// Central differences are exact for layers that are linear in what is moved, and off by step^2 for the others; rounding adds
/// 1e-16 * |objective| / step, which is below 1e-8 for objectives up to 100. All gradients here are of order 1.
constexpr double kStep = 1e-6;
constexpr double kTolerance = 1e-6;

/// Compares the derivative by up to 24 elements of `moved`, the first and last included, with `gradient`.
void check_gradient(Operands<double>& o, Tensor<double>& moved, const std::vector<double>& gradient, std::uint64_t seed) {
  Random random(seed);
  REQUIRE(static_cast<std::int64_t>(gradient.size()) == moved.count());
  double largest = 1;
  for (const double value : gradient) largest = std::max(largest, std::abs(value));
  const std::int64_t count = std::min<std::int64_t>(moved.count(), 24);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t index = i == 0 ? 0 : i == 1 ? moved.count() - 1 : random.below(moved.count());
    double& value = moved.data()[index];
    const double before = value;
    value = before + kStep;
    const double above = objective(o);
    value = before - kStep;
    const double below = objective(o);
    value = before;
    const double expected = (above - below) / (2 * kStep);
    CAPTURE(index, gradient[static_cast<std::size_t>(index)], expected);
    REQUIRE(std::abs(gradient[static_cast<std::size_t>(index)] - expected) <= kTolerance * largest);
  }
}

std::vector<double> difference(const Tensor<double>& after, const Tensor<double>& before) {
  std::vector<double> result(after.span().begin(), after.span().end());
  for (std::size_t i = 0; i < result.size(); ++i) result[i] -= before.data()[i];
  return result;
}

void check_layer(const Layer& layer, const Shape& shape, std::uint64_t seed) {
  INFO(describe(layer) << " on " << to_string(shape) << ", seed " << seed);
  Operands<double> o(layer, shape, seed);
  Operands<double> untouched(layer, shape, seed);  // what dw and db held before
  run_all<Naive<double>>(o);
  check_gradient(o, o.x, {o.dx.span().begin(), o.dx.span().end()}, seed + 1);
  for (std::size_t i = 0; i < o.more.size(); ++i)
    check_gradient(o, o.more[i], {o.dmore[i].span().begin(), o.dmore[i].span().end()}, seed + 4 + i);
  if (!o.learns()) return;
  check_gradient(o, o.w, difference(o.dw, untouched.dw), seed + 2);
  if (o.b.data() != nullptr) check_gradient(o, o.b, difference(o.db, untouched.db), seed + 3);
}

int pick(Random& random, int low, int high) { return low + static_cast<int>(random.below(high - low + 1)); }

/// A window that fits into h x w.
Window random_window(Random& random, int h, int w) {
  Window window;
  window.kernel_h = pick(random, 1, std::min(h, 4));
  window.kernel_w = pick(random, 1, std::min(w, 4));
  window.stride_h = pick(random, 1, 3);
  window.stride_w = pick(random, 1, 3);
  window.padding_h = pick(random, 0, window.kernel_h - 1);
  window.padding_w = pick(random, 0, window.kernel_w - 1);
  return window;
}

}  // namespace

TEST_CASE("the gradients of every layer row are those of central differences") {
  for (const rows::LayerRow& row : rows::layer_rows()) {
    INFO(row.name);
    // The large inputs of a row are for the fast kernels; a gradient is as wrong on a small one, and 100 times cheaper.
    for (const Shape& shape : row.inputs)
      if (shape.count() <= 12'000) check_layer(row.layer, shape, 2024);
  }
}

TEST_CASE("the gradients of random layers are those of central differences") {
  constexpr std::uint64_t kSeed = 31;
  Random random(kSeed);
  for (std::uint64_t i = 0; i < 60; ++i) {
    const Shape shape{pick(random, 1, 3), pick(random, 1, 4), pick(random, 1, 8), pick(random, 1, 8)};
    const Window window = random_window(random, shape.h, shape.w);
    check_layer(Conv2d{pick(random, 1, 5), window, random.below(4) != 0}, shape, kSeed + i);
    const int groups = pick(random, 1, shape.c);
    check_layer(Conv2d{pick(random, 1, 3) * groups, window, random.below(4) != 0, groups},
                {shape.n, pick(random, 1, 3) * groups, shape.h, shape.w}, kSeed + i);
    check_layer(MaxPool2d{window}, shape, kSeed + i);
    check_layer(LocalResponseNorm{pick(random, 1, 6), random.uniform(0, 3), random.uniform(0.2, 2), random.uniform(0.5, 2)},
                shape, kSeed + i);
    check_layer(BatchNorm2d{.epsilon = random.uniform(0.01, 1)}, {shape.n + 1, shape.c, shape.h, shape.w}, kSeed + i);
    check_layer(Linear{pick(random, 1, 6), random.below(4) != 0}, shape, kSeed + i);
    check_layer(SoftmaxCrossEntropy{}, {shape.n, shape.h * shape.w, 1, 1}, kSeed + i);
  }
}
