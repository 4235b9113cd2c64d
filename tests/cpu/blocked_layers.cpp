/// The kernels on blocked tensors against the naive ones in double: every row of tests/rows/layers.h that has a blocked form, and
/// rows of the sizes for which there are ways of their own.
#include "tests/catch.h"
#include "tests/cpu/blocked.h"
#include "tests/rows/layers.h"

using namespace convoy;
using namespace convoy::test;

namespace {

namespace blocked = cpu::blocked;

/// As in fast_equals_naive.cpp.
constexpr double kTolerance = 1e-5;

/// What a kernel wrote against what the naive one did, and zeros in the padding.
void check(BlockedTensor& got, const Tensor<double>& expected, double tolerance = kTolerance) {
  REQUIRE(relative_difference(got.plain(), expected) <= tolerance);
  REQUIRE(got.padding_is_zero());
}

void run(Operands<float>& o, const Operands<double>& expected, const Conv2d& conv, bool plain_input) {
  BlockedTensor x(o.x), y(o.y.shape()), dy(o.dy), dx(o.x.shape());
  if (plain_input) {
    blocked::conv2d_forward(o.x.view(), o.w.view(), o.b.view(), y.view(), conv.window);
    blocked::conv2d_backward_weights(dy.view(), o.x.view(), o.dw.view(), o.db.view(), conv.window);
  } else {
    blocked::conv2d_forward(x.view(), o.w.view(), o.b.view(), y.view(), conv.window);
    blocked::conv2d_backward_weights(dy.view(), x.view(), o.dw.view(), o.db.view(), conv.window);
  }
  blocked::conv2d_backward_input(dy.view(), o.w.view(), dx.view(), conv.window);
  check(y, expected.y);
  check(dx, expected.dx);
  REQUIRE(relative_difference(o.dw, expected.dw) <= kTolerance);
  REQUIRE(relative_difference(o.db, expected.db) <= kTolerance);
}

void run(Operands<float>& o, const Operands<double>& expected, const MaxPool2d& pool, bool) {
  BlockedTensor x(o.x), y(o.y.shape()), dy(o.dy), dx(o.x.shape());
  blocked::max_pool2d_forward(x.view(), y.view(), pool.window);
  blocked::max_pool2d_backward_input(dy.view(), x.view(), dx.view(), pool.window);
  check(y, expected.y, 0);
  check(dx, expected.dx);
}

template <class Pool>
void average(Operands<float>& o, const Operands<double>& expected, const Pool& pool) {
  BlockedTensor x(o.x), y(o.y.shape()), dy(o.dy), dx(o.x.shape());
  const std::vector<PoolSpan> rows = pool_spans_h(pool, o.x.shape().h);
  const std::vector<PoolSpan> columns = pool_spans_w(pool, o.x.shape().w);
  blocked::avg_pool2d_forward(x.view(), y.view(), rows, columns);
  blocked::avg_pool2d_backward_input(dy.view(), dx.view(), rows, columns);
  check(y, expected.y);
  check(dx, expected.dx);
}
void run(Operands<float>& o, const Operands<double>& expected, const AvgPool2d& pool, bool) { average(o, expected, pool); }
void run(Operands<float>& o, const Operands<double>& expected, const AdaptiveAvgPool2d& pool, bool) {
  average(o, expected, pool);
}

void run(Operands<float>& o, const Operands<double>& expected, const GlobalAvgPool2d&, bool) {
  BlockedTensor x(o.x), y(o.y.shape()), dy(o.dy), dx(o.x.shape());
  blocked::global_avg_pool2d_forward(x.view(), y.view(), pixels(o.x.shape()));
  blocked::global_avg_pool2d_backward_input(dy.view(), dx.view(), pixels(o.x.shape()));
  check(y, expected.y);
  check(dx, expected.dx);
}

void run(Operands<float>& o, const Operands<double>& expected, const ReLU&, bool) {
  BlockedTensor x(o.x), y(o.y.shape()), dy(o.dy), dx(o.x.shape());
  blocked::relu_forward(x.view(), y.view());
  blocked::relu_backward_input(dy.view(), y.view(), dx.view());
  check(y, expected.y, 0);
  check(dx, expected.dx);
}

void run(Operands<float>& o, const Operands<double>& expected, const Activation& l, bool) {
  BlockedTensor x(o.x), y(o.y.shape()), dy(o.dy), dx(o.x.shape());
  if (!keeps_zero(l.function)) {
    REQUIRE_THROWS_AS(blocked::activation_forward(x.view(), y.view(), l.function), std::invalid_argument);
    return;
  }
  blocked::activation_forward(x.view(), y.view(), l.function);
  blocked::activation_backward_input(dy.view(), (differentiates_output(l.function) ? y : x).view(), dx.view(), l.function);
  check(y, expected.y);
  check(dx, expected.dx);
}

void run(Operands<float>& o, const Operands<double>& expected, const Scale&, bool) {
  BlockedTensor x(o.x), y(o.y.shape()), dy(o.dy), dx(o.x.shape()), s(o.more[0]), ds(o.more[0].shape());
  blocked::scale_forward(x.view(), s.view(), y.view());
  blocked::scale_forward(dy.view(), s.view(), dx.view());
  blocked::scale_backward_factor(dy.view(), x.view(), ds.view());
  check(y, expected.y);
  check(dx, expected.dx);
  check(ds, expected.dmore[0]);
}

void run(Operands<float>& o, const Operands<double>& expected, const LocalResponseNorm& norm, bool) {
  BlockedTensor x(o.x), y(o.y.shape()), dy(o.dy), dx(o.x.shape());
  blocked::local_response_norm_forward(x.view(), y.view(), norm);
  blocked::local_response_norm_backward_input(dy.view(), x.view(), dx.view(), norm);
  check(y, expected.y);
  check(dx, expected.dx);
}

void run(Operands<float>& o, const Operands<double>& expected, const BatchNorm2d& norm, bool) {
  BlockedTensor x(o.x), y(o.y.shape()), dy(o.dy), dx(o.x.shape());
  blocked::batch_norm2d_statistics(x.view(), o.sums);
  blocked::batch_norm2d_forward(x.view(), {}, o.w.view(), o.b.view(), o.sums, norm.epsilon, false, y.view());
  blocked::batch_norm2d_backward_statistics(dy.view(), x.view(), {}, o.sums, norm.epsilon, o.gradient_sums);
  blocked::batch_norm2d_backward_input(dy.view(), x.view(), {}, o.w.view(), o.sums, o.gradient_sums, norm.epsilon, dx.view());
  check(y, expected.y);
  check(dx, expected.dx);
  REQUIRE(o.sums.size() == expected.sums.size());
  for (std::size_t i = 0; i < o.sums.size(); ++i) REQUIRE(std::abs(o.sums[i] - expected.sums[i]) <= kTolerance * o.sums.back());
  for (std::size_t i = 0; i < o.gradient_sums.size(); ++i)
    REQUIRE(std::abs(o.gradient_sums[i] - expected.gradient_sums[i]) <= kTolerance * o.sums.back());
}

void run(Operands<float>& o, const Operands<double>& expected, const Add&, bool) {
  std::vector<BlockedTensor> xs;
  std::vector<blocked::BlockedView<const float>> views;
  xs.emplace_back(o.x);
  for (const Tensor<float>& more : o.more) xs.emplace_back(more);
  for (BlockedTensor& x : xs) views.push_back(x.view());
  BlockedTensor y(o.y.shape());
  blocked::sum(views, false, y.view());
  check(y, expected.y);
}

void run(Operands<float>& o, const Operands<double>& expected, const Concat&, bool) {
  std::vector<BlockedTensor> xs;
  xs.emplace_back(o.x);
  for (const Tensor<float>& more : o.more) xs.emplace_back(more);
  BlockedTensor y(o.y.shape());
  const BlockedTensor dy(o.dy);
  int channel = 0;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const Shape shape = xs[i].view().shape;
    blocked::copy_channels(xs[i].view(), 0, y.view(), channel, shape.c);
    BlockedTensor dx(shape);
    blocked::copy_channels(dy.view(), channel, dx.view(), 0, shape.c);
    check(dx, i == 0 ? expected.dx : expected.dmore[i - 1], 0);
    channel += shape.c;
  }
  check(y, expected.y, 0);
}

template <class Other>
void run(Operands<float>&, const Operands<double>&, const Other&, bool) {}  // layers without a blocked form

void check_layer(const Layer& layer, const Shape& shape, int threads) {
  INFO(describe(layer) << " on " << to_string(shape) << " with " << threads << " threads");
  const Threads scope(threads);
  Operands<double> expected(layer, shape, 7);
  run_all<Naive<double>>(expected);
  for (const bool plain_input : {false, true}) {
    if (plain_input && !std::holds_alternative<Conv2d>(layer)) continue;
    INFO("the input is " << (plain_input ? "plain" : "blocked"));
    Operands<float> got(layer, shape, 7);
    std::visit([&](const auto& kind) { run(got, expected, kind, plain_input); }, layer);
  }
}

/// Sizes that the blocks divide, and layers of the networks on small images.
std::vector<rows::LayerRow> blocked_rows() {
  return {
      {"3x3 of whole blocks", Conv2d{32, square_window(3, 1, 1), false}, {{2, 16, 14, 14}, {3, 48, 8, 8}, {1, 32, 28, 28}}},
      {"3x3 of many blocks", Conv2d{64, square_window(3, 1, 1)}, {{2, 32, 7, 7}, {1, 64, 16, 32}, {1, 80, 9, 30}}},
      {"3x3 of part of a block", Conv2d{21, square_window(3, 1, 1)}, {{2, 33, 13, 13}, {1, 5, 30, 31}}},
      {"3x3 with stride 2", Conv2d{48, square_window(3, 2, 1), false}, {{2, 32, 14, 14}, {1, 16, 15, 17}, {1, 64, 7, 8}}},
      {"1x1", Conv2d{64, square_window(1), false}, {{3, 32, 7, 7}, {2, 64, 14, 14}, {1, 16, 1, 1}, {1, 40, 5, 13}}},
      {"1x1 of many blocks", Conv2d{150, square_window(1)}, {{3, 530, 3, 4}}},
      {"1x1 with stride 2 of many blocks", Conv2d{70, square_window(1, 2)}, {{5, 70, 5, 7}}},
      {"3x3 with stride 2 of many blocks", Conv2d{100, square_window(3, 2, 1)}, {{5, 100, 7, 5}}},
      {"1x1 to few filters", Conv2d{5, square_window(1)}, {{3, 32, 7, 7}}},
      {"1x1 with stride 2", Conv2d{32, square_window(1, 2), false}, {{2, 64, 14, 14}, {1, 16, 7, 9}, {2, 33, 8, 5}}},
      {"1x1 with stride 3", Conv2d{20, square_window(1, 3), false}, {{1, 40, 11, 12}}},
      {"5x5 to few filters", Conv2d{6, square_window(5, 1, 2)}, {{2, 1, 28, 28}, {1, 3, 9, 11}, {2, 20, 7, 5}}},
      {"5x5 with stride 2 to few filters", Conv2d{7, square_window(5, 2, 2)}, {{2, 3, 13, 14}, {1, 18, 9, 9}}},
      {"5x5 of few channels", Conv2d{16, square_window(5)}, {{3, 6, 14, 14}, {1, 8, 9, 8}, {1, 3, 7, 5}}},
      {"3x3 with stride 2, few of both", Conv2d{8, square_window(3, 2, 1)}, {{2, 8, 13, 14}, {1, 1, 6, 7}}},
      {"3x3 to few filters of an image", Conv2d{8, square_window(3, 1, 1)}, {{2, 3, 12, 33}, {1, 1, 8, 9}}},
      {"5x5 with as much padding as there can be", Conv2d{20, square_window(5, 1, 4)}, {{1, 4, 3, 6}}},
      {"5x5", Conv2d{32, square_window(5, 1, 2)}, {{2, 32, 13, 27}}},
      {"11x11 with stride 4 of an image", Conv2d{64, square_window(11, 4, 2)}, {{2, 3, 63, 63}}},
      {"7x7 with stride 2 of an image", Conv2d{64, square_window(7, 2, 3), false}, {{2, 3, 32, 32}, {1, 3, 37, 41}}},
      {"3x3 of an image", Conv2d{64, square_window(3, 1, 1)}, {{2, 3, 32, 32}, {1, 1, 30, 58}}},
      {"groups of whole blocks", Conv2d{64, square_window(5, 1, 2), true, 2}, {{2, 32, 13, 13}}},
      {"groups inside a block", Conv2d{32, square_window(3, 1, 1), false, 8}, {{2, 32, 14, 14}}},
      {"groups inside a block with stride 2", Conv2d{32, square_window(3, 2, 1), false, 4}, {{2, 32, 13, 14}}},
      {"depthwise of whole blocks", Conv2d{32, square_window(3, 1, 1), false, 32}, {{2, 32, 14, 14}, {1, 32, 9, 33}}},
      {"depthwise of part of a block", Conv2d{21, square_window(3, 1, 1), true, 21}, {{2, 21, 7, 9}, {1, 21, 2, 3}}},
      {"depthwise 5x5", Conv2d{20, square_window(5, 1, 2), true, 20}, {{2, 20, 9, 8}}},
      {"depthwise 5x5 with stride 2", Conv2d{16, square_window(5, 2, 2), false, 16}, {{1, 16, 11, 12}}},
      {"depthwise 7x7 without padding", Conv2d{32, square_window(7), false, 32}, {{1, 32, 9, 10}}},
      {"depthwise of two filters a channel", Conv2d{32, square_window(3, 1, 1), true, 16}, {{2, 16, 6, 7}}},
      {"depthwise of whole blocks with stride 2", Conv2d{48, square_window(3, 2, 1), true, 48}, {{2, 48, 14, 15}}},
      {"local response norm over blocks", LocalResponseNorm{5, 1e-2, 0.75, 2.0}, {{2, 64, 5, 7}, {1, 21, 9, 9}}},
      {"max pool of blocks", MaxPool2d{square_window(3, 2, 1)}, {{2, 32, 14, 14}, {1, 33, 13, 8}}},
      {"max pool side by side", MaxPool2d{square_window(2, 2)}, {{2, 32, 8, 6}, {1, 21, 9, 7}}},
      {"max pool of blocks in ceil mode", MaxPool2d{ceil_window(3, 2)}, {{2, 16, 14, 12}}},
      {"batch norm of blocks", BatchNorm2d{}, {{3, 32, 14, 14}, {2, 33, 8, 8}}},
  };
}

}  // namespace

TEST_CASE("blocked kernels equal naive ones in double, whatever the number of threads") {
  for (const std::vector<rows::LayerRow>& table : {rows::layer_rows(), blocked_rows()}) {
    for (const rows::LayerRow& row : table) {
      INFO(row.name);
      for (const Shape& shape : row.inputs)
        for (const int threads : {1, 2}) check_layer(row.layer, shape, threads);
    }
  }
}

TEST_CASE("a tensor comes back from the blocked layout as it was") {
  Random random(3);
  for (const Shape& shape :
       {Shape{2, 3, 7, 9}, Shape{1, 16, 14, 14}, Shape{3, 33, 1, 1}, Shape{2, 48, 30, 31}, Shape{0, 5, 2, 2}}) {
    INFO(to_string(shape));
    Tensor<float> plain(shape);
    for (float& value : plain.span()) value = static_cast<float>(random.uniform(-1, 1));
    BlockedTensor y(shape);
    blocked::to_blocked(plain.view(), y.view());
    REQUIRE(y.padding_is_zero());
    REQUIRE(relative_difference(y.plain(), plain) <= 0);
    Tensor<float> back(shape, std::numeric_limits<float>::quiet_NaN());
    blocked::from_blocked(y.view(), back.view());
    REQUIRE(relative_difference(back, plain) <= 0);
  }
}
