/// The CUDA kernels of the layers on the emulator against the naive ones in double, over the rows of tests/rows/layers.h.
#include "tests/rows/layers.h"
#include "reference/cuda/emulator/emulator.h"
#include "reference/cuda/runtime.h"
#include "tests/catch.h"
#include "tests/cuda/device_layers.h"

using namespace convoy;
using namespace convoy::test;
namespace emulated = convoy::cuda::emulated;
namespace emulator = convoy::cuda::emulator;

namespace {

constexpr double kTolerance = 1e-5;  // as between the CPU's fast and naive kernels
/// The emulator takes some 0.1 us for every access of a thread: larger rows would take minutes.
constexpr double kMostWork = 1e5;  // FLOPs

constexpr Side kEmulated{emulated_kernels(), emulated::allocate, emulated::release, emulated::upload, emulated::download};

bool small_enough(const Layer& layer, const Shape& shape) {
  if (has_several_inputs(layer)) return shape.count() < 2000;
  return work_of(layer, shape, Pass::forward, DType::f32).flops <= kMostWork;
}

void check_row(const Layer& layer, const Shape& shape) {
  Operands<double> expected(layer, shape, 7);
  Operands<float> got(layer, shape, 7);
  run_all<Naive<double>>(expected);
  emulator::report();
  run_all<OnSide>(got);
  const emulator::Report report = emulator::report();
  INFO(emulator::to_text(report.problems));
  REQUIRE(report.clean());
  REQUIRE(relative_difference(got.y, expected.y) <= kTolerance);
  REQUIRE(relative_difference(got.dx, expected.dx) <= kTolerance);
  REQUIRE(relative_difference(got.dw, expected.dw) <= kTolerance);
  REQUIRE(relative_difference(got.db, expected.db) <= kTolerance);
  for (std::size_t i = 0; i < got.dmore.size(); ++i) REQUIRE(relative_difference(got.dmore[i], expected.dmore[i]) <= kTolerance);
  REQUIRE(std::abs(got.loss.loss_sum - expected.loss.loss_sum) <= kTolerance * std::abs(expected.loss.loss_sum));
  REQUIRE(got.loss.correct == expected.loss.correct);
}

}  // namespace

TEST_CASE("CUDA kernels of the layers equal the naive ones, and are clean") {
  side = &kEmulated;
  int rows = 0;
  std::vector<bool> kinds(std::variant_size_v<Layer>, false);
  for (const rows::LayerRow& row : rows::layer_rows()) {
    INFO(row.name);
    const Layer& layer = row.layer;
    for (const Shape& shape : row.inputs) {
      if (!small_enough(layer, shape)) continue;
      INFO(to_string(shape));
      check_row(layer, shape);
      kinds[layer.index()] = true;
      ++rows;
    }
  }
  REQUIRE(rows > 60);
  for (std::size_t kind = 0; kind < kinds.size(); ++kind)
    REQUIRE((kinds[kind] || kind == Layer(Flatten{}).index()));  // no kind was too large in all of its rows
}

namespace {

/// Integers from -4 to 4 in place of an operand, in an order that has no short period.
void make_whole(Tensor<float>& tensor, int salt) {
  for (std::int64_t i = 0; i < tensor.count(); ++i)
    tensor.data()[i] = static_cast<float>((i * 7 + i / 9 * 5 + i / 81 * 2 + salt) % 9 - 4);
}
void make_whole(Operands<float>& o) {
  int salt = 0;
  for (Tensor<float>* tensor : {&o.x, &o.w, &o.b, &o.dy, &o.dw, &o.db}) make_whole(*tensor, ++salt);
  for (Tensor<float>& tensor : o.more) make_whole(tensor, ++salt);
}

/// Layers that only add, multiply, compare and copy.
bool is_exact_on_integers(const Layer& layer) {
  return std::holds_alternative<Conv2d>(layer) || std::holds_alternative<Linear>(layer) || std::holds_alternative<MaxPool2d>(layer) ||
         std::holds_alternative<ReLU>(layer) || std::holds_alternative<Add>(layer) || std::holds_alternative<Concat>(layer) ||
         std::holds_alternative<Scale>(layer) || std::holds_alternative<ChannelSelect>(layer);
}

bool same_bits(const Tensor<float>& a, const Tensor<float>& b) {
  for (std::int64_t i = 0; i < a.count(); ++i)
    if (!(a.data()[i] == b.data()[i])) return false;
  return a.shape() == b.shape();
}

}  // namespace

TEST_CASE("on integers held in floats CUDA kernels and naive ones agree bit by bit") {
  side = &kEmulated;
  int rows = 0;
  for (const rows::LayerRow& row : rows::layer_rows()) {
    const Shape& shape = row.inputs.front();
    if (!is_exact_on_integers(row.layer) || !small_enough(row.layer, shape)) continue;
    INFO(row.name << ", " << to_string(shape));
    Operands<float> expected(row.layer, shape, 7), got(row.layer, shape, 7);
    make_whole(expected);
    make_whole(got);
    run_all<Naive<float>>(expected);
    run_all<OnSide>(got);
    REQUIRE(same_bits(got.y, expected.y));
    REQUIRE(same_bits(got.dx, expected.dx));
    REQUIRE(same_bits(got.dw, expected.dw));
    REQUIRE(same_bits(got.db, expected.db));
    for (std::size_t i = 0; i < got.dmore.size(); ++i) REQUIRE(same_bits(got.dmore[i], expected.dmore[i]));
    ++rows;
  }
  REQUIRE(rows > 20);
  REQUIRE(emulator::report().clean());
}

TEST_CASE("weight gradients whose sum is divided are right and the same every time") {
  side = &kEmulated;
  const Layer layer = Conv2d{3, square_window(1), false};
  const Shape shape{3, 2, 32, 32};  // 3072 pixels: three parts
  Operands<double> expected(layer, shape, 3);
  Operands<float> first(layer, shape, 3), second(layer, shape, 3);
  run<Naive<double>>(expected, Pass::backward_weights);
  emulator::report();
  run<OnSide>(first, Pass::backward_weights);
  const emulator::Report report = emulator::report();
  REQUIRE(report.clean());
  run<OnSide>(second, Pass::backward_weights);
  REQUIRE(relative_difference(first.dw, expected.dw) <= kTolerance);
  REQUIRE(std::equal(first.dw.span().begin(), first.dw.span().end(), second.dw.span().begin()));
}

TEST_CASE("the CUDA update is the CPU's, with momentum, weight decay and Nesterov") {
  side = &kEmulated;
  for (const bool nesterov : {false, true})
    for (const double momentum : {0.0, 0.9}) {
      if (nesterov && momentum == 0) continue;
      const cpu::SgdSettings settings{
          .learning_rate = 0.1, .momentum = momentum, .weight_decay = 0.01, .nesterov = nesterov, .scale = 0.5};
      Operands<float> o(Linear{7}, {2, 41, 1, 1}, 5);
      Tensor<float> v(o.w.shape(), 0.25F);
      Tensor<float> w_cpu(o.w.shape()), v_cpu(o.w.shape(), 0.25F);
      std::copy_n(o.w.data(), o.w.count(), w_cpu.data());
      cpu::naive::sgd_update<float>(w_cpu.span(), o.dw.span(), momentum > 0 ? v_cpu.span() : std::span<float>{}, settings);
      {
        OnDevice d;
        const View<float> on_device = d.out(o.w, "w", true);
        const View<float> momenta = d.out(v, "momentum", true);
        const View<const float> gradient = d.in(o.dw, "dw");
        kEmulated.kernels.sgd_update(on_device.span(), gradient.span(), momentum > 0 ? momenta.span() : std::span<float>{},
                                     settings);
      }
      REQUIRE(relative_difference(o.w, w_cpu) <= 1e-6);
      REQUIRE(relative_difference(v, v_cpu) <= 1e-6);
    }
}

TEST_CASE("running statistics and evaluation of batch norm on the emulator") {
  side = &kEmulated;
  Operands<float> o(BatchNorm2d{}, {3, 5, 7, 9}, 9);
  Tensor<float> mean({1, 5, 1, 1}, 0.5F), variance({1, 5, 1, 1}, 2.0F), mean_cpu({1, 5, 1, 1}, 0.5F),
      variance_cpu({1, 5, 1, 1}, 2.0F);
  run<Naive<float>>(o, Pass::forward);
  cpu::naive::batch_norm2d_update_running<float>(o.sums, 0.1, mean_cpu.view(), variance_cpu.view());
  Tensor<float> y(o.x.shape()), y_cpu(o.x.shape());
  cpu::naive::batch_norm2d_forward_evaluate<float>(o.x.view(), o.w.view(), o.b.view(), mean_cpu.view(), variance_cpu.view(), 1e-5,
                                                   y_cpu.view());
  {
    OnDevice d;
    const View<float> means = d.out(mean, "mean", true), variances = d.out(variance, "variance", true);
    kEmulated.kernels.batch_norm2d_update_running(d.in(o.sums, "sums"), 0.1, means, variances);
    kEmulated.kernels.batch_norm2d_forward_evaluate(d.in(o.x, "x"), d.in(o.w, "gamma"), d.in(o.b, "beta"), means, variances, 1e-5,
                                                    d.out(y, "y"));
  }
  REQUIRE(relative_difference(mean, mean_cpu) <= 1e-6);
  REQUIRE(relative_difference(variance, variance_cpu) <= 1e-6);
  REQUIRE(relative_difference(y, y_cpu) <= 1e-6);
}

TEST_CASE("tensors without elements are computed, too") {
  side = &kEmulated;
  for (const Layer& layer : {Layer(Conv2d{4, square_window(3, 1, 1)}), Layer(Linear{4}), Layer(ReLU{}), Layer(BatchNorm2d{})}) {
    INFO(describe(layer));
    Operands<float> o(layer, {0, 3, 5, 5}, 1);
    const Tensor<float> before_dw = Operands<float>(layer, {0, 3, 5, 5}, 1).dw;
    run_all<OnSide>(o);
    if (before_dw.data() != nullptr) REQUIRE(relative_difference(o.dw, before_dw) == 0);
  }
  REQUIRE(emulator::report().clean());
}
