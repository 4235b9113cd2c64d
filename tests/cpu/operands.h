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
  Tensor<T> x, w, b, y, dy, dx, dw, db;
  std::vector<int> labels;
  double scale = 0;  ///< of the loss
  cpu::Loss loss;

  /// Inputs different at every index and rounded to float, so that both types get the same; what is overwritten holds NaN; what
  /// is accumulated into, different values.
  Operands(const Layer& a_layer, const Shape& input, std::uint64_t seed) : layer(a_layer) {
    Random random(seed);
    const Shape output = output_shape(layer, input);
    x = make(input, random);
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

 private:
  static Tensor<T> make(const Shape& shape, Random& random) {
    Tensor<T> tensor(shape);
    const std::vector<double> values = different_values(shape.count(), random);
    std::transform(values.begin(), values.end(), tensor.data(), [](double v) { return static_cast<T>(static_cast<float>(v)); });
    return tensor;
  }
};

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
  static void run(Operands<T>& o, const ReLU&, Pass pass) {
    using namespace cpu::naive;
    if (pass == Pass::forward) relu_forward<T>(o.x.view(), o.y.view());
    if (pass == Pass::backward_input) relu_backward_input<T>(o.dy.view(), o.y.view(), o.dx.view());
  }
  static void run(Operands<T>& o, const Dropout& dropout, Pass pass) {
    using namespace cpu::naive;
    if (pass == Pass::forward) dropout_forward<T>(o.x.view(), o.y.view(), dropout.probability, kKey);
    if (pass == Pass::backward_input) dropout_backward_input<T>(o.dy.view(), o.dx.view(), dropout.probability, kKey);
  }
  static void run(Operands<T>& o, const SoftmaxCrossEntropy&, Pass pass) {
    using namespace cpu::naive;
    if (pass == Pass::forward) o.loss = softmax_cross_entropy_forward<T>(o.x.view(), o.labels, o.y.view());
    if (pass == Pass::backward_input) softmax_cross_entropy_backward_input<T>(o.y.view(), o.labels, o.dx.view(), o.scale);
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
  static void run(Operands<float>& o, const ReLU&, Pass pass) {
    using namespace cpu;
    if (pass == Pass::forward) relu_forward(o.x.view(), o.y.view());
    if (pass == Pass::backward_input) relu_backward_input(o.dy.view(), o.y.view(), o.dx.view());
  }
  static void run(Operands<float>& o, const Dropout& dropout, Pass pass) {
    using namespace cpu;
    if (pass == Pass::forward) dropout_forward(o.x.view(), o.y.view(), dropout.probability, kKey);
    if (pass == Pass::backward_input) dropout_backward_input(o.dy.view(), o.dx.view(), dropout.probability, kKey);
  }
  static void run(Operands<float>& o, const SoftmaxCrossEntropy&, Pass pass) {
    using namespace cpu;
    if (pass == Pass::forward) o.loss = softmax_cross_entropy_forward(o.x.view(), o.labels, o.y.view());
    if (pass == Pass::backward_input) softmax_cross_entropy_backward_input(o.y.view(), o.labels, o.dx.view(), o.scale);
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
