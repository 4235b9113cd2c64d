/// Operands of one layer, and the naive and fast kernels behind one function each, so that tests are loops over rows.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "reference/core/random.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/naive/kernels.h"
#include "reference/cpu/parallel.h"

namespace convoy::test {

inline constexpr cpu::DropoutKey kKey{.seed = 11, .step = 5, .node = 3, .first_sample = 70};

/// Sets the number of OpenMP threads while it lives. Without OpenMP nothing changes and every number is 1.
class Threads {
 public:
  explicit Threads([[maybe_unused]] int count) : before_(cpu::max_threads()) { set(count); }
  ~Threads() { set(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  static void set([[maybe_unused]] int count) {
#ifdef _OPENMP
    omp_set_num_threads(count);
#endif
  }
  int before_;
};

/// `count` different values in (-0.754, 1.247) in random order, evenly spaced, so that a small step changes no order, and not
/// around 0, so that sums do not cancel and none of the values is 0.
inline std::vector<double> different_values(std::int64_t count, Random& random) {
  std::vector<double> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = (2.0 * static_cast<double>(i) + 1.0) / static_cast<double>(count) - 0.75318;
  for (std::size_t i = values.size(); i > 1; --i)
    std::swap(values[i - 1], values[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(i)))]);
  return values;
}

/// Everything that the passes of a layer read and write.
template <class T>
struct Operands {
  Layer layer;
  Tensor<T> x, w, b, y, dy, dx, dw, db;                 ///< of BatchNorm2d, w and b are gamma and beta
  std::vector<Tensor<T>> more, dmore;                   ///< the other inputs of Add, Concat and Scale, and their gradients
  std::vector<cpu::naive::Sum<T>> sums, gradient_sums;  ///< of BatchNorm2d
  std::vector<int> labels;
  double scale = 0;  ///< of the loss
  cpu::Loss loss;

  /// Inputs different at every index and rounded to float, so that both types get the same; what is overwritten holds NaN; what
  /// is accumulated into, different values.
  Operands(const Layer& a_layer, const Shape& input, std::uint64_t seed) : layer(a_layer) {
    Random random(seed);
    std::vector<Shape> inputs = {input};
    if (std::holds_alternative<Add>(layer)) inputs = {input, input, input};
    if (std::holds_alternative<Scale>(layer)) inputs = {input, {input.n, input.c, 1, 1}};
    if (std::holds_alternative<Concat>(layer))
      inputs = {input, {input.n, input.c + 1, input.h, input.w}, {input.n, 1, input.h, input.w}};
    const Shape output = output_shape(layer, inputs);
    x = make(input, random);
    if (std::holds_alternative<Activation>(layer))  // to beyond all kinks: (-6.1, 10)
      for (T& value : x.span()) value = static_cast<T>(8) * value;
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      more.push_back(make(inputs[i], random));
      dmore.emplace_back(inputs[i], std::numeric_limits<T>::quiet_NaN());
    }
    sums.resize(static_cast<std::size_t>(2 * input.c + 1));
    gradient_sums.resize(static_cast<std::size_t>(2 * input.c));
    dy = make(output, random);
    for (const ParameterShape& parameter : parameter_shapes(layer, input)) {
      const bool weight = parameter.name == "weight";
      (weight ? w : b) = make(parameter.shape, random);
      (weight ? dw : db) = make(parameter.shape, random);
    }
    y = Tensor<T>(output, std::numeric_limits<T>::quiet_NaN());
    dx = Tensor<T>(input, std::numeric_limits<T>::quiet_NaN());
    for (int n = 0; n < input.n; ++n) labels.push_back(static_cast<int>(random.below(output.c)));
    scale = 1.0 / std::max(input.n, 1);
  }
  [[nodiscard]] bool learns() const { return w.data() != nullptr; }
  /// x and `more`, and their gradients.
  [[nodiscard]] std::vector<View<const T>> inputs() const {
    std::vector<View<const T>> views = {x.view()};
    for (const Tensor<T>& tensor : more) views.push_back(tensor.view());
    return views;
  }
  [[nodiscard]] std::vector<View<T>> input_gradients() {
    std::vector<View<T>> views = {dx.view()};
    for (Tensor<T>& tensor : dmore) views.push_back(tensor.view());
    return views;
  }

 private:
  static Tensor<T> make(const Shape& shape, Random& random) {
    Tensor<T> tensor(shape);
    const std::vector<double> values = different_values(shape.count(), random);
    std::transform(values.begin(), values.end(), tensor.data(), [](double v) { return static_cast<T>(static_cast<float>(v)); });
    return tensor;
  }
};

/// visit(input, the block of its channels in y) for all inputs of a Concat.
template <class T, class Visit>
void for_each_input(const std::vector<View<T>>& inputs, const Visit& visit) {
  int channel = 0;
  for (const View<T>& input : inputs) {
    visit(input, cpu::Part{.to_c = channel, .n = input.shape.n, .c = input.shape.c, .h = input.shape.h});
    channel += input.shape.c;
  }
}
inline cpu::Part reversed(const cpu::Part& p) { return {p.to_n, p.to_c, p.to_h, p.from_n, p.from_c, p.from_h, p.n, p.c, p.h}; }
inline double pixels(const Shape& x) { return static_cast<double>(x.h) * x.w; }

/// The naive kernels.
template <class T>
struct Naive {
  static void run(Operands<T>& o, const Conv2d& conv, Pass pass) {
    using namespace cpu::naive;
    if (pass == Pass::forward) conv2d_forward<T>(o.x.view(), o.w.view(), o.b.view(), o.y.view(), conv.window);
    if (pass == Pass::backward_input) conv2d_backward_input<T>(o.dy.view(), o.w.view(), o.dx.view(), conv.window);
    if (pass == Pass::backward_weights)
      conv2d_backward_weights<T>(o.dy.view(), o.x.view(), o.dw.view(), o.db.view(), conv.window);
  }
  static void run(Operands<T>& o, const Linear&, Pass pass) {
    using namespace cpu::naive;
    if (pass == Pass::forward) linear_forward<T>(o.x.view(), o.w.view(), o.b.view(), o.y.view());
    if (pass == Pass::backward_input) linear_backward_input<T>(o.dy.view(), o.w.view(), o.dx.view());
    if (pass == Pass::backward_weights) linear_backward_weights<T>(o.dy.view(), o.x.view(), o.dw.view(), o.db.view());
  }
  static void run(Operands<T>& o, const MaxPool2d& pool, Pass pass) {
    using namespace cpu::naive;
    if (pass == Pass::forward) max_pool2d_forward<T>(o.x.view(), o.y.view(), pool.window);
    if (pass == Pass::backward_input) max_pool2d_backward_input<T>(o.dy.view(), o.x.view(), o.dx.view(), pool.window);
  }
  static void run(Operands<T>& o, const AvgPool2d& pool, Pass pass) { average(o, pool, pass); }
  static void run(Operands<T>& o, const AdaptiveAvgPool2d& pool, Pass pass) { average(o, pool, pass); }
  template <class Pool>
  static void average(Operands<T>& o, const Pool& pool, Pass pass) {
    using namespace cpu::naive;
    const std::vector<PoolSpan> rows = pool_spans_h(pool, o.x.shape().h);
    const std::vector<PoolSpan> columns = pool_spans_w(pool, o.x.shape().w);
    if (pass == Pass::forward) avg_pool2d_forward<T>(o.x.view(), o.y.view(), rows, columns);
    if (pass == Pass::backward_input) avg_pool2d_backward_input<T>(o.dy.view(), o.dx.view(), rows, columns);
  }
  static void run(Operands<T>& o, const ReLU&, Pass pass) {
    using namespace cpu::naive;
    if (pass == Pass::forward) relu_forward<T>(o.x.view(), o.y.view());
    if (pass == Pass::backward_input) relu_backward_input<T>(o.dy.view(), o.y.view(), o.dx.view());
  }
  static void run(Operands<T>& o, const Activation& l, Pass pass) {
    using namespace cpu::naive;
    const Tensor<T>& source = differentiates_output(l.function) ? o.y : o.x;
    if (pass == Pass::forward) activation_forward<T>(o.x.view(), o.y.view(), l.function);
    if (pass == Pass::backward_input) activation_backward_input<T>(o.dy.view(), source.view(), o.dx.view(), l.function);
  }
  static void run(Operands<T>& o, const Scale&, Pass pass) {
    using namespace cpu::naive;
    if (pass == Pass::forward) scale_forward<T>(o.x.view(), o.more[0].view(), o.y.view());
    if (pass != Pass::backward_input) return;
    scale_forward<T>(o.dy.view(), o.more[0].view(), o.dx.view());
    scale_backward_factor<T>(o.dy.view(), o.x.view(), o.dmore[0].view());
  }
  static void run(Operands<T>& o, const ChannelSelect& l, Pass pass) {
    using namespace cpu::naive;
    if (pass == Pass::forward) channel_select_forward<T>(o.x.view(), o.y.view(), l);
    if (pass == Pass::backward_input) channel_select_backward_input<T>(o.dy.view(), o.dx.view(), l);
  }
  static void run(Operands<T>& o, const Dropout& dropout, Pass pass) {
    using namespace cpu::naive;
    if (pass == Pass::forward) dropout_forward<T>(o.x.view(), o.y.view(), dropout.probability, kKey);
    if (pass == Pass::backward_input) dropout_backward_input<T>(o.dy.view(), o.dx.view(), dropout.probability, kKey);
  }
  static void run(Operands<T>& o, const SoftmaxCrossEntropy& loss, Pass pass) {
    using namespace cpu::naive;
    if (pass == Pass::forward) o.loss = softmax_cross_entropy_forward<T>(o.x.view(), o.labels, o.y.view(), loss);
    if (pass == Pass::backward_input) softmax_cross_entropy_backward_input<T>(o.y.view(), o.labels, o.dx.view(), loss, o.scale);
  }
  static void run(Operands<T>& o, const GlobalAvgPool2d&, Pass pass) {
    using namespace cpu::naive;
    if (pass == Pass::forward) global_avg_pool2d_forward<T>(o.x.view(), o.y.view(), pixels(o.x.shape()));
    if (pass == Pass::backward_input) global_avg_pool2d_backward_input<T>(o.dy.view(), o.dx.view(), pixels(o.x.shape()));
  }
  static void run(Operands<T>& o, const LocalResponseNorm& norm, Pass pass) {
    using namespace cpu::naive;
    if (pass == Pass::forward) local_response_norm_forward<T>(o.x.view(), o.y.view(), norm, 0);
    if (pass == Pass::backward_input) local_response_norm_backward_input<T>(o.dy.view(), o.x.view(), o.dx.view(), norm, 0);
  }
  /// The sums that a pass needs are those that the pass before it left behind.
  static void run(Operands<T>& o, const BatchNorm2d& norm, Pass pass) {
    using namespace cpu::naive;
    if (pass == Pass::forward) {
      batch_norm2d_statistics<T>(o.x.view(), o.sums);
      batch_norm2d_forward<T>(o.x.view(), o.w.view(), o.b.view(), o.sums, norm.epsilon, o.y.view());
    }
    if (pass == Pass::backward_input) {
      batch_norm2d_backward_statistics<T>(o.dy.view(), o.x.view(), o.sums, norm.epsilon, o.gradient_sums);
      batch_norm2d_backward_input<T>(o.dy.view(), o.x.view(), o.w.view(), o.sums, o.gradient_sums, norm.epsilon, o.dx.view());
    }
    if (pass == Pass::backward_weights) batch_norm2d_backward_weights<T>(o.gradient_sums, o.dw.view(), o.db.view());
  }
  static void run(Operands<T>& o, const Add&, Pass pass) {
    using namespace cpu::naive;
    if (pass == Pass::forward) sum<T>(o.inputs(), o.y.view());
    if (pass != Pass::backward_input) return;
    const View<const T> dy = o.dy.view();  // the gradient of every input is dy
    for (const View<T>& dx : o.input_gradients()) sum<T>(std::span(&dy, 1), dx);
  }
  static void run(Operands<T>& o, const Concat&, Pass pass) {
    using namespace cpu::naive;
    if (pass == Pass::forward)
      for_each_input(o.inputs(), [&](auto x, const cpu::Part& part) { copy_part<T>(x, o.y.view(), part); });
    if (pass == Pass::backward_input)
      for_each_input(o.input_gradients(), [&](auto dx, const cpu::Part& part) { copy_part<T>(o.dy.view(), dx, reversed(part)); });
  }
  static void run(Operands<T>&, const Flatten&, Pass) {}
};

/// The fast kernels, with the same names in the same order.
struct Fast {
  static void run(Operands<float>& o, const Conv2d& conv, Pass pass) {
    using namespace cpu;
    if (pass == Pass::forward) conv2d_forward(o.x.view(), o.w.view(), o.b.view(), o.y.view(), conv.window);
    if (pass == Pass::backward_input) conv2d_backward_input(o.dy.view(), o.w.view(), o.dx.view(), conv.window);
    if (pass == Pass::backward_weights) conv2d_backward_weights(o.dy.view(), o.x.view(), o.dw.view(), o.db.view(), conv.window);
  }
  static void run(Operands<float>& o, const Linear&, Pass pass) {
    using namespace cpu;
    if (pass == Pass::forward) linear_forward(o.x.view(), o.w.view(), o.b.view(), o.y.view());
    if (pass == Pass::backward_input) linear_backward_input(o.dy.view(), o.w.view(), o.dx.view());
    if (pass == Pass::backward_weights) linear_backward_weights(o.dy.view(), o.x.view(), o.dw.view(), o.db.view());
  }
  static void run(Operands<float>& o, const MaxPool2d& pool, Pass pass) {
    using namespace cpu;
    if (pass == Pass::forward) max_pool2d_forward(o.x.view(), o.y.view(), pool.window);
    if (pass == Pass::backward_input) max_pool2d_backward_input(o.dy.view(), o.x.view(), o.dx.view(), pool.window);
  }
  static void run(Operands<float>& o, const AvgPool2d& pool, Pass pass) { average(o, pool, pass); }
  static void run(Operands<float>& o, const AdaptiveAvgPool2d& pool, Pass pass) { average(o, pool, pass); }
  template <class Pool>
  static void average(Operands<float>& o, const Pool& pool, Pass pass) {
    using namespace cpu;
    const std::vector<PoolSpan> rows = pool_spans_h(pool, o.x.shape().h);
    const std::vector<PoolSpan> columns = pool_spans_w(pool, o.x.shape().w);
    if (pass == Pass::forward) avg_pool2d_forward(o.x.view(), o.y.view(), rows, columns);
    if (pass == Pass::backward_input) avg_pool2d_backward_input(o.dy.view(), o.dx.view(), rows, columns);
  }
  static void run(Operands<float>& o, const ReLU&, Pass pass) {
    using namespace cpu;
    if (pass == Pass::forward) relu_forward(o.x.view(), o.y.view());
    if (pass == Pass::backward_input) relu_backward_input(o.dy.view(), o.y.view(), o.dx.view());
  }
  static void run(Operands<float>& o, const Activation& l, Pass pass) {
    using namespace cpu;
    const Tensor<float>& source = differentiates_output(l.function) ? o.y : o.x;
    if (pass == Pass::forward) activation_forward(o.x.view(), o.y.view(), l.function);
    if (pass == Pass::backward_input) activation_backward_input(o.dy.view(), source.view(), o.dx.view(), l.function);
  }
  static void run(Operands<float>& o, const Scale&, Pass pass) {
    using namespace cpu;
    if (pass == Pass::forward) scale_forward(o.x.view(), o.more[0].view(), o.y.view());
    if (pass != Pass::backward_input) return;
    scale_forward(o.dy.view(), o.more[0].view(), o.dx.view());
    scale_backward_factor(o.dy.view(), o.x.view(), o.dmore[0].view());
  }
  static void run(Operands<float>& o, const ChannelSelect& l, Pass pass) {
    using namespace cpu;
    if (pass == Pass::forward) channel_select_forward(o.x.view(), o.y.view(), l);
    if (pass == Pass::backward_input) channel_select_backward_input(o.dy.view(), o.dx.view(), l);
  }
  static void run(Operands<float>& o, const Dropout& dropout, Pass pass) {
    using namespace cpu;
    if (pass == Pass::forward) dropout_forward(o.x.view(), o.y.view(), dropout.probability, kKey);
    if (pass == Pass::backward_input) dropout_backward_input(o.dy.view(), o.dx.view(), dropout.probability, kKey);
  }
  static void run(Operands<float>& o, const SoftmaxCrossEntropy& loss, Pass pass) {
    using namespace cpu;
    if (pass == Pass::forward) o.loss = softmax_cross_entropy_forward(o.x.view(), o.labels, o.y.view(), loss);
    if (pass == Pass::backward_input) softmax_cross_entropy_backward_input(o.y.view(), o.labels, o.dx.view(), loss, o.scale);
  }
  static void run(Operands<float>& o, const GlobalAvgPool2d&, Pass pass) {
    using namespace cpu;
    if (pass == Pass::forward) global_avg_pool2d_forward(o.x.view(), o.y.view(), pixels(o.x.shape()));
    if (pass == Pass::backward_input) global_avg_pool2d_backward_input(o.dy.view(), o.dx.view(), pixels(o.x.shape()));
  }
  static void run(Operands<float>& o, const LocalResponseNorm& norm, Pass pass) {
    using namespace cpu;
    if (pass == Pass::forward) local_response_norm_forward(o.x.view(), o.y.view(), norm, 0);
    if (pass == Pass::backward_input) local_response_norm_backward_input(o.dy.view(), o.x.view(), o.dx.view(), norm, 0);
  }
  /// The sums that a pass needs are those that the pass before it left behind.
  static void run(Operands<float>& o, const BatchNorm2d& norm, Pass pass) {
    using namespace cpu;
    if (pass == Pass::forward) {
      batch_norm2d_statistics(o.x.view(), o.sums);
      batch_norm2d_forward(o.x.view(), o.w.view(), o.b.view(), o.sums, norm.epsilon, o.y.view());
    }
    if (pass == Pass::backward_input) {
      batch_norm2d_backward_statistics(o.dy.view(), o.x.view(), o.sums, norm.epsilon, o.gradient_sums);
      batch_norm2d_backward_input(o.dy.view(), o.x.view(), o.w.view(), o.sums, o.gradient_sums, norm.epsilon, o.dx.view());
    }
    if (pass == Pass::backward_weights) batch_norm2d_backward_weights(o.gradient_sums, o.dw.view(), o.db.view());
  }
  static void run(Operands<float>& o, const Add&, Pass pass) {
    using namespace cpu;
    if (pass == Pass::forward) sum(o.inputs(), o.y.view());
    if (pass != Pass::backward_input) return;
    const View<const float> dy = o.dy.view();  // the gradient of every input is dy
    for (const View<float>& dx : o.input_gradients()) sum(std::span(&dy, 1), dx);
  }
  static void run(Operands<float>& o, const Concat&, Pass pass) {
    using namespace cpu;
    if (pass == Pass::forward) for_each_input(o.inputs(), [&](auto x, const cpu::Part& part) { copy_part(x, o.y.view(), part); });
    if (pass == Pass::backward_input)
      for_each_input(o.input_gradients(), [&](auto dx, const cpu::Part& part) { copy_part(o.dy.view(), dx, reversed(part)); });
  }
  static void run(Operands<float>&, const Flatten&, Pass) {}
};

/// One pass with the kernels of `Kernels`, Naive<T> or Fast.
template <class Kernels, class T>
void run(Operands<T>& operands, Pass pass) {
  std::visit([&](const auto& layer) { Kernels::run(operands, layer, pass); }, operands.layer);
}
/// All passes that the layer has.
template <class Kernels, class T>
void run_all(Operands<T>& operands) {
  for (const Pass pass : {Pass::forward, Pass::backward_input, Pass::backward_weights}) run<Kernels>(operands, pass);
}

/// Largest |a - b| over the largest |b|; NaN when any value is NaN, so `REQUIRE(difference <= tolerance)` fails then.
template <class A, class B>
double relative_difference(const Tensor<A>& a, const Tensor<B>& b) {
  if (a.shape() != b.shape()) return std::numeric_limits<double>::infinity();
  double difference = 0;
  double largest = 0;
  for (std::int64_t i = 0; i < a.count(); ++i) {
    const auto left = static_cast<double>(a.data()[i]);
    const auto right = static_cast<double>(b.data()[i]);
    if (std::isnan(left) || std::isnan(right)) return std::numeric_limits<double>::quiet_NaN();
    difference = std::max(difference, std::abs(left - right));
    largest = std::max(largest, std::abs(right));
  }
  return difference == 0 ? 0 : difference / largest;
}

}  // namespace convoy::test
