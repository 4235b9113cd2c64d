/// The fast kernels against the naive ones in double, for several numbers of threads, and their reproducibility.
#include <cstring>
#include <thread>

#include "tests/catch.h"
#include "tests/cpu/operands.h"
#include "tests/rows/layers.h"

using namespace convoy;
using namespace convoy::test;

namespace {

/// A float sum of n terms is off by about sqrt(n) * 2^-24 of its largest terms, and n is at most some 10^4 here (weight gradients
/// sum over images and pixels): 6e-6. A bug changes whole terms, 1e-3 and more.
constexpr double kTolerance = 1e-5;
/// ReLU, maxima, Concat and ChannelSelect choose one of their inputs, and do not calculate.
double forward_tolerance(const Layer& layer) {
  const bool chooses = std::holds_alternative<ReLU>(layer) || std::holds_alternative<MaxPool2d>(layer) ||
                       std::holds_alternative<Concat>(layer) || std::holds_alternative<ChannelSelect>(layer);
  return chooses ? 0 : kTolerance;
}

void check_layer(const Layer& layer, const Shape& shape, int threads) {
  INFO(describe(layer) << " on " << to_string(shape) << " with " << threads << " threads");
  const Threads scope(threads);
  Operands<double> expected(layer, shape, 7);
  Operands<float> got(layer, shape, 7);
  run_all<Naive<double>>(expected);
  run_all<Fast>(got);
  REQUIRE(relative_difference(got.y, expected.y) <= forward_tolerance(layer));
  REQUIRE(relative_difference(got.dx, expected.dx) <= kTolerance);
  REQUIRE(relative_difference(got.dw, expected.dw) <= kTolerance);
  REQUIRE(relative_difference(got.db, expected.db) <= kTolerance);
  for (std::size_t i = 0; i < got.dmore.size(); ++i) REQUIRE(relative_difference(got.dmore[i], expected.dmore[i]) <= kTolerance);
  REQUIRE(std::abs(got.loss.loss_sum - expected.loss.loss_sum) <= kTolerance * std::abs(expected.loss.loss_sum));
  REQUIRE(got.loss.correct == expected.loss.correct);
}

bool same_bits(const Tensor<float>& a, const Tensor<float>& b) {
  return a.shape() == b.shape() &&
         (a.count() == 0 || std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.count()) * sizeof(float)) == 0);
}
bool same_bits(const Operands<float>& a, const Operands<float>& b) {
  return same_bits(a.y, b.y) && same_bits(a.dx, b.dx) && same_bits(a.dw, b.dw) && same_bits(a.db, b.db) && a.sums == b.sums &&
         a.gradient_sums == b.gradient_sums && a.loss.loss_sum == b.loss.loss_sum && a.loss.correct == b.loss.correct;
}

}  // namespace

TEST_CASE("fast kernels equal naive ones in double, whatever the number of threads") {
  for (const rows::LayerRow& row : rows::layer_rows()) {
    INFO(row.name);
    for (const Shape& shape : row.inputs)
      for (const int threads : {1, 2, 3}) check_layer(row.layer, shape, threads);
  }
}

TEST_CASE("more threads than images or filters change nothing but rounding") {
  check_layer(Conv2d{3, square_window(3, 1, 1)}, {2, 3, 5, 5}, 7);
  check_layer(Conv2d{40, square_window(3, 1, 1)}, {1, 40, 5, 5}, 7);
  check_layer(Conv2d{32, square_window(3, 1, 1), true, 2}, {1, 32, 5, 5}, 7);
  check_layer(Conv2d{3, square_window(3, 1, 1), true, 3}, {1, 3, 5, 5}, 7);
  check_layer(BatchNorm2d{}, {40, 3, 30, 30}, 7);
  check_layer(Linear{3}, {2, 5, 1, 1}, 7);
  check_layer(MaxPool2d{square_window(2, 2)}, {1, 2, 90, 90}, 7);
}

TEST_CASE("the same operands and number of threads give the same bits") {
  for (const rows::LayerRow& row : rows::layer_rows()) {
    for (const Shape& shape : row.inputs) {
      for (const int threads : {1, 3}) {
        INFO(row.name << " on " << to_string(shape) << " with " << threads << " threads");
        const Threads scope(threads);
        Operands<float> first(row.layer, shape, 5);
        Operands<float> second(row.layer, shape, 5);
        run_all<Fast>(first);
        run_all<Fast>(second);
        REQUIRE(same_bits(first, second));
      }
    }
  }
}

TEST_CASE("ranks that call kernels at the same time do not disturb each other") {
  const std::vector<rows::LayerRow> rows = rows::layer_rows();
  constexpr std::size_t kRanks = 4;
  std::vector<int> differences(kRanks, -1);  // not bool: neighbours would share a word
  std::vector<std::thread> ranks;
  for (std::size_t rank = 0; rank < kRanks; ++rank) {
    ranks.emplace_back([&, rank] {
      const Threads scope(2);
      int different = 0;
      for (std::size_t i = 0; i < rows.size(); ++i) {  // every rank begins with another layer
        const rows::LayerRow& row = rows[(i + rank * 5) % rows.size()];
        Operands<float> got(row.layer, row.inputs[0], rank);
        Operands<double> expected(row.layer, row.inputs[0], rank);
        run_all<Fast>(got);
        run_all<Naive<double>>(expected);
        const bool equal = relative_difference(got.y, expected.y) <= kTolerance &&
                           relative_difference(got.dx, expected.dx) <= kTolerance &&
                           relative_difference(got.dw, expected.dw) <= kTolerance;
        different += equal ? 0 : 1;
      }
      differences[rank] = different;
    });
  }
  for (std::thread& rank : ranks) rank.join();
  for (const int different : differences) REQUIRE(different == 0);
}

TEST_CASE("a batch of no images leaves everything as it was") {
  for (const rows::LayerRow& row : rows::layer_rows()) {
    INFO(row.name);
    Operands<float> fast(row.layer, row.inputs[0].with_batch(0), 3);
    Operands<double> naive(row.layer, row.inputs[0].with_batch(0), 3);
    const Operands<float> before(row.layer, row.inputs[0].with_batch(0), 3);
    REQUIRE_NOTHROW(run_all<Fast>(fast));
    REQUIRE_NOTHROW(run_all<Naive<double>>(naive));
    REQUIRE(same_bits(fast.dw, before.dw));
    REQUIRE(same_bits(fast.db, before.db));
    REQUIRE(fast.loss.loss_sum == 0);
    REQUIRE(relative_difference(naive.dw, before.dw) == 0);
  }
}

TEST_CASE("there is a row for every layer that has kernels") {
  const std::vector<Layer> kinds = {Conv2d{},
                                    MaxPool2d{},
                                    AvgPool2d{},
                                    AdaptiveAvgPool2d{},
                                    GlobalAvgPool2d{},
                                    ReLU{},
                                    Activation{},
                                    BatchNorm2d{},
                                    LocalResponseNorm{},
                                    Add{},
                                    Concat{},
                                    Scale{},
                                    ChannelSelect{},
                                    Linear{},
                                    Flatten{},
                                    Dropout{},
                                    SoftmaxCrossEntropy{}};
  REQUIRE(kinds.size() == std::variant_size_v<Layer>);
  for (const Layer& kind : kinds) {
    INFO(kind_name(kind));
    int rows = 0;
    for (const rows::LayerRow& row : rows::layer_rows()) rows += row.layer.index() == kind.index() ? 1 : 0;
    REQUIRE((rows > 0) == !std::holds_alternative<Flatten>(kind));  // Flatten moves nothing
  }
}
