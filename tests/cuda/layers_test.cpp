/// The CUDA kernels of the layers on the emulator against the naive ones in double, over the rows of tests/rows/layers.h.
#include "reference/cuda/emulator/emulator.h"
#include "reference/cuda/runtime.h"
#include "reference/train/cuda_kernels.h"
#include "tests/catch.h"
#include "tests/cpu/operands.h"
#include "tests/rows/layers.h"

using namespace convoy;
using namespace convoy::test;
namespace emulated = convoy::cuda::emulated;
namespace emulator = convoy::cuda::emulator;

namespace {

constexpr double kTolerance = 1e-5;  // as between the CPU's fast and naive kernels
/// The emulator takes some 0.1 us for every access of a thread: larger rows would take minutes.
constexpr double kMostWork = 1e5;  // FLOPs

constexpr Shape kNone{0, 0, 0, 0};  // of a tensor that the layer does not have

/// Copies of a row's tensors on the emulator, taken back when the pass is over.
class OnDevice {
 public:
  OnDevice() = default;
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  ~OnDevice() {
    for (const Copy& copy : copies_) {
      if (copy.back != nullptr) emulated::download(copy.back, copy.memory, copy.bytes);
      emulated::release(copy.memory);
    }
  }
  View<const float> in(const Tensor<float>& tensor, const char* name) {
    if (tensor.shape() == kNone) return {nullptr, kNone};
    return {static_cast<const float*>(give(tensor.data(), nullptr, 4 * tensor.count(), name, 4)), tensor.shape()};
  }
  /// What is overwritten counts as never written: a kernel that reads it is found out.
  View<float> out(Tensor<float>& tensor, const char* name, bool accumulated = false) {
    if (tensor.shape() == kNone) return {nullptr, kNone};
    return {static_cast<float*>(give(accumulated ? tensor.data() : nullptr, tensor.data(), 4 * tensor.count(), name, 4)), tensor.shape()};
  }
  std::span<const double> in(const std::vector<double>& sums, const char* name) {
    return {static_cast<const double*>(give(sums.data(), nullptr, std::ssize(sums) * 8, name, 8)), sums.size()};
  }
  std::span<double> out(std::vector<double>& sums, const char* name) {
    return {static_cast<double*>(give(nullptr, sums.data(), std::ssize(sums) * 8, name, 8)), sums.size()};
  }

 private:
  struct Copy {
    void* memory;
    void* back;
    std::int64_t bytes;
  };
  void* give(const void* from, void* back, std::int64_t bytes, const char* name, int element) {
    void* memory = emulated::allocate(bytes, name, element);
    if (from != nullptr) emulated::upload(memory, from, bytes);
    copies_.push_back({memory, back, bytes});
    return memory;
  }
  std::vector<Copy> copies_;
};

constexpr KernelTable<float> kKernels = emulated_kernels();

/// One pass of one row.
struct Emulated {
  static void run(Operands<float>& o, const Conv2d& conv, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) kKernels.conv2d_forward(d.in(o.x, "x"), d.in(o.w, "w"), d.in(o.b, "b"), d.out(o.y, "y"), conv.window);
    if (pass == Pass::backward_input) kKernels.conv2d_backward_input(d.in(o.dy, "dy"), d.in(o.w, "w"), d.out(o.dx, "dx"), conv.window);
    if (pass == Pass::backward_weights)
      kKernels.conv2d_backward_weights(d.in(o.dy, "dy"), d.in(o.x, "x"), d.out(o.dw, "dw", true), d.out(o.db, "db", true), conv.window);
  }
  static void run(Operands<float>& o, const Linear&, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) kKernels.linear_forward(d.in(o.x, "x"), d.in(o.w, "w"), d.in(o.b, "b"), d.out(o.y, "y"));
    if (pass == Pass::backward_input) kKernels.linear_backward_input(d.in(o.dy, "dy"), d.in(o.w, "w"), d.out(o.dx, "dx"));
    if (pass == Pass::backward_weights)
      kKernels.linear_backward_weights(d.in(o.dy, "dy"), d.in(o.x, "x"), d.out(o.dw, "dw", true), d.out(o.db, "db", true));
  }
  static void run(Operands<float>& o, const MaxPool2d& pool, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) kKernels.max_pool2d_forward(d.in(o.x, "x"), d.out(o.y, "y"), pool.window);
    if (pass == Pass::backward_input)
      kKernels.max_pool2d_backward_input(d.in(o.dy, "dy"), d.in(o.x, "x"), d.out(o.dx, "dx"), pool.window);
  }
  static void run(Operands<float>& o, const AvgPool2d& pool, Pass pass) { average(o, pool, pass); }
  static void run(Operands<float>& o, const AdaptiveAvgPool2d& pool, Pass pass) { average(o, pool, pass); }
  template <class Pool>
  static void average(Operands<float>& o, const Pool& pool, Pass pass) {
    OnDevice d;
    const std::vector<PoolSpan> rows = pool_spans_h(pool, o.x.shape().h);
    const std::vector<PoolSpan> columns = pool_spans_w(pool, o.x.shape().w);
    if (pass == Pass::forward) kKernels.avg_pool2d_forward(d.in(o.x, "x"), d.out(o.y, "y"), rows, columns);
    if (pass == Pass::backward_input) kKernels.avg_pool2d_backward_input(d.in(o.dy, "dy"), d.out(o.dx, "dx"), rows, columns);
  }
  static void run(Operands<float>& o, const GlobalAvgPool2d&, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) kKernels.global_avg_pool2d_forward(d.in(o.x, "x"), d.out(o.y, "y"), pixels(o.x.shape()));
    if (pass == Pass::backward_input)
      kKernels.global_avg_pool2d_backward_input(d.in(o.dy, "dy"), d.out(o.dx, "dx"), pixels(o.x.shape()));
  }
  static void run(Operands<float>& o, const ReLU&, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) kKernels.relu_forward(d.in(o.x, "x"), d.out(o.y, "y"));
    if (pass == Pass::backward_input) kKernels.relu_backward_input(d.in(o.dy, "dy"), d.in(o.y, "y"), d.out(o.dx, "dx"));
  }
  static void run(Operands<float>& o, const Activation& l, Pass pass) {
    OnDevice d;
    const bool from_y = differentiates_output(l.function);
    if (pass == Pass::forward) kKernels.activation_forward(d.in(o.x, "x"), d.out(o.y, "y"), l.function);
    if (pass == Pass::backward_input)
      kKernels.activation_backward_input(d.in(o.dy, "dy"), from_y ? d.in(o.y, "y") : d.in(o.x, "x"), d.out(o.dx, "dx"), l.function);
  }
  static void run(Operands<float>& o, const Scale&, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) kKernels.scale_forward(d.in(o.x, "x"), d.in(o.more[0], "s"), d.out(o.y, "y"));
    if (pass != Pass::backward_input) return;
    const View<const float> dy = d.in(o.dy, "dy");
    kKernels.scale_forward(dy, d.in(o.more[0], "s"), d.out(o.dx, "dx"));
    kKernels.scale_backward_factor(dy, d.in(o.x, "x"), d.out(o.dmore[0], "ds"));
  }
  static void run(Operands<float>& o, const ChannelSelect& l, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) kKernels.channel_select_forward(d.in(o.x, "x"), d.out(o.y, "y"), l);
    if (pass == Pass::backward_input) kKernels.channel_select_backward_input(d.in(o.dy, "dy"), d.out(o.dx, "dx"), l);
  }
  static void run(Operands<float>& o, const Dropout& dropout, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) kKernels.dropout_forward(d.in(o.x, "x"), d.out(o.y, "y"), dropout.probability, kKey);
    if (pass == Pass::backward_input) kKernels.dropout_backward_input(d.in(o.dy, "dy"), d.out(o.dx, "dx"), dropout.probability, kKey);
  }
  static void run(Operands<float>& o, const LocalResponseNorm& norm, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) kKernels.local_response_norm_forward(d.in(o.x, "x"), d.out(o.y, "y"), norm, 0);
    if (pass == Pass::backward_input)
      kKernels.local_response_norm_backward_input(d.in(o.dy, "dy"), d.in(o.x, "x"), d.out(o.dx, "dx"), norm, 0);
  }
  static void run(Operands<float>& o, const SoftmaxCrossEntropy& loss, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) o.loss = kKernels.softmax_cross_entropy_forward(d.in(o.x, "x"), o.labels, d.out(o.y, "y"), loss);
    if (pass == Pass::backward_input)
      kKernels.softmax_cross_entropy_backward_input(d.in(o.y, "y"), o.labels, d.out(o.dx, "dx"), loss, o.scale);
  }
  static void run(Operands<float>& o, const BatchNorm2d& norm, Pass pass) {
    if (pass == Pass::forward) {
      OnDevice first;
      kKernels.batch_norm2d_statistics(first.in(o.x, "x"), first.out(o.sums, "sums"));
    }
    if (pass == Pass::backward_input) {
      OnDevice first;
      kKernels.batch_norm2d_backward_statistics(first.in(o.dy, "dy"), first.in(o.x, "x"), first.in(o.sums, "sums"), norm.epsilon,
                                                first.out(o.gradient_sums, "gradient_sums"));
    }
    OnDevice d;
    if (pass == Pass::forward)
      kKernels.batch_norm2d_forward(d.in(o.x, "x"), d.in(o.w, "gamma"), d.in(o.b, "beta"), d.in(o.sums, "sums"), norm.epsilon,
                                    d.out(o.y, "y"));
    if (pass == Pass::backward_input)
      kKernels.batch_norm2d_backward_input(d.in(o.dy, "dy"), d.in(o.x, "x"), d.in(o.w, "gamma"), d.in(o.sums, "sums"),
                                           d.in(o.gradient_sums, "gradient_sums"), norm.epsilon, d.out(o.dx, "dx"));
    if (pass == Pass::backward_weights)
      kKernels.batch_norm2d_backward_weights(d.in(o.gradient_sums, "gradient_sums"), d.out(o.dw, "dgamma", true), d.out(o.db, "dbeta", true));
  }
  static void run(Operands<float>& o, const Add&, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) {
      std::vector<View<const float>> xs = {d.in(o.x, "x")};
      for (const Tensor<float>& x : o.more) xs.push_back(d.in(x, "more"));
      kKernels.sum(xs, d.out(o.y, "y"));
    }
    if (pass != Pass::backward_input) return;
    const View<const float> dy = d.in(o.dy, "dy");
    kKernels.sum(std::span(&dy, 1), d.out(o.dx, "dx"));
    for (Tensor<float>& dx : o.dmore) kKernels.sum(std::span(&dy, 1), d.out(dx, "dmore"));
  }
  static void run(Operands<float>& o, const Concat&, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) {
      const View<float> y = d.out(o.y, "y");
      std::vector<View<const float>> xs = {d.in(o.x, "x")};
      for (const Tensor<float>& x : o.more) xs.push_back(d.in(x, "more"));
      for_each_input(xs, [&](auto x, const cpu::Part& part) { kKernels.copy_part(x, y, part); });
    }
    if (pass != Pass::backward_input) return;
    const View<const float> dy = d.in(o.dy, "dy");
    std::vector<View<float>> dxs = {d.out(o.dx, "dx")};
    for (Tensor<float>& dx : o.dmore) dxs.push_back(d.out(dx, "dmore"));
    for_each_input(dxs, [&](auto dx, const cpu::Part& part) { kKernels.copy_part(dy, dx, reversed(part)); });
  }
  static void run(Operands<float>&, const Flatten&, Pass) {}
};

bool small_enough(const Layer& layer, const Shape& shape) {
  if (has_several_inputs(layer)) return shape.count() < 2000;
  return work_of(layer, shape, Pass::forward, DType::f32).flops <= kMostWork;
}

void check_row(const Layer& layer, const Shape& shape) {
  Operands<double> expected(layer, shape, 7);
  Operands<float> got(layer, shape, 7);
  run_all<Naive<double>>(expected);
  emulator::report();
  run_all<Emulated>(got);
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

TEST_CASE("weight gradients whose sum is divided are right and the same every time") {
  const Layer layer = Conv2d{3, square_window(1), false};
  const Shape shape{3, 2, 32, 32};  // 3072 pixels: three parts
  Operands<double> expected(layer, shape, 3);
  Operands<float> first(layer, shape, 3), second(layer, shape, 3);
  run<Naive<double>>(expected, Pass::backward_weights);
  emulator::report();
  run<Emulated>(first, Pass::backward_weights);
  const emulator::Report report = emulator::report();
  REQUIRE(report.clean());
  run<Emulated>(second, Pass::backward_weights);
  REQUIRE(relative_difference(first.dw, expected.dw) <= kTolerance);
  REQUIRE(std::equal(first.dw.span().begin(), first.dw.span().end(), second.dw.span().begin()));
}

TEST_CASE("the CUDA update is the CPU's, with momentum, weight decay and Nesterov") {
  for (const bool nesterov : {false, true})
    for (const double momentum : {0.0, 0.9}) {
      if (nesterov && momentum == 0) continue;
      const cpu::SgdSettings settings{.learning_rate = 0.1, .momentum = momentum, .weight_decay = 0.01, .nesterov = nesterov, .scale = 0.5};
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
        kKernels.sgd_update(on_device.span(), gradient.span(), momentum > 0 ? momenta.span() : std::span<float>{}, settings);
      }
      REQUIRE(relative_difference(o.w, w_cpu) <= 1e-6);
      REQUIRE(relative_difference(v, v_cpu) <= 1e-6);
    }
}

TEST_CASE("running statistics and evaluation of batch norm on the emulator") {
  Operands<float> o(BatchNorm2d{}, {3, 5, 7, 9}, 9);
  Tensor<float> mean({1, 5, 1, 1}, 0.5F), variance({1, 5, 1, 1}, 2.0F), mean_cpu({1, 5, 1, 1}, 0.5F), variance_cpu({1, 5, 1, 1}, 2.0F);
  run<Naive<float>>(o, Pass::forward);
  cpu::naive::batch_norm2d_update_running<float>(o.sums, 0.1, mean_cpu.view(), variance_cpu.view());
  Tensor<float> y(o.x.shape()), y_cpu(o.x.shape());
  cpu::naive::batch_norm2d_forward_evaluate<float>(o.x.view(), o.w.view(), o.b.view(), mean_cpu.view(), variance_cpu.view(), 1e-5,
                                                   y_cpu.view());
  {
    OnDevice d;
    const View<float> means = d.out(mean, "mean", true), variances = d.out(variance, "variance", true);
    kKernels.batch_norm2d_update_running(d.in(o.sums, "sums"), 0.1, means, variances);
    kKernels.batch_norm2d_forward_evaluate(d.in(o.x, "x"), d.in(o.w, "gamma"), d.in(o.b, "beta"), means, variances, 1e-5, d.out(y, "y"));
  }
  REQUIRE(relative_difference(mean, mean_cpu) <= 1e-6);
  REQUIRE(relative_difference(variance, variance_cpu) <= 1e-6);
  REQUIRE(relative_difference(y, y_cpu) <= 1e-6);
}

TEST_CASE("tensors without elements are computed, too") {
  for (const Layer& layer : {Layer(Conv2d{4, square_window(3, 1, 1)}), Layer(Linear{4}), Layer(ReLU{}), Layer(BatchNorm2d{})}) {
    INFO(describe(layer));
    Operands<float> o(layer, {0, 3, 5, 5}, 1);
    const Tensor<float> before_dw = Operands<float>(layer, {0, 3, 5, 5}, 1).dw;
    run_all<Emulated>(o);
    if (before_dw.data() != nullptr) REQUIRE(relative_difference(o.dw, before_dw) == 0);
  }
  REQUIRE(emulator::report().clean());
}
