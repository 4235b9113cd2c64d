/// The layers of the oracle: forward and backward of each kind with the naive kernels in double, on the whole batch.
#pragma once

#include <string_view>
#include <vector>

#include "reference/core/shard.h"
#include "reference/cpu/naive/kernels.h"
#include "reference/model/model.h"

namespace convoy::tests {

struct OracleSettings {
  int batch = 1;
  int steps = 1;
  cpu::SgdSettings sgd;
  std::uint64_t seed = 1;  ///< of the weights and of Dropout
  /// The samples of the batch whose mean and variance BatchNorm2d takes together; slices that cover the batch, in order. None
  /// stands for one group of all. Running statistics follow the first group, and stay as they are when that is empty.
  std::vector<Slice> statistics_groups;
  /// How many of the groups running statistics follow, one after the other: the micro-batches of the first rank.
  int running_groups = 1;
  /// Where these images stand in a larger batch, when they are one rank's share of it: the place of the first, and the number of
  /// all. 0: they are the whole batch.
  std::int64_t first_sample = 0;
  int global_batch = 0;
  [[nodiscard]] int images_of_step() const { return global_batch > 0 ? global_batch : batch; }
};

/// What one node reads and writes in one step, all of the batch.
struct SerialCall {
  int node = 0;
  int step = 0;
  std::vector<View<const double>> x;
  View<double> y;
  View<const double> dy;         ///< backward only
  std::vector<View<double>> dx;  ///< backward only; overwritten

  [[nodiscard]] const View<const double>& x0() const { return x.front(); }
  [[nodiscard]] const View<double>& dx0() const { return dx.front(); }
};

class SerialLayers {
 public:
  SerialLayers(const Model& model, const OracleSettings& settings) : model_(model), settings_(settings) {}

  std::vector<double> weights, gradients;  ///< in the layout of parameters()
  std::vector<double> states;              ///< in the layout of states()
  std::vector<int> labels;                 ///< of the batch
  cpu::Loss loss;                          ///< of the last step
  bool training = true;                    ///< else BatchNorm2d uses the running statistics and Dropout lets everything through

  void forward(const SerialCall& c) {
    std::visit([&](const auto& layer) { forward(layer, c); }, layer_of(c));
  }
  void backward(const SerialCall& c) {
    std::visit([&](const auto& layer) { backward(layer, c); }, layer_of(c));
  }

 private:
  using T = double;

  void forward(const Conv2d& l, const SerialCall& c) { cpu::naive::conv2d_forward<T>(c.x0(), weight(c), bias(c), c.y, l.window); }
  void backward(const Conv2d& l, const SerialCall& c) {
    cpu::naive::conv2d_backward_weights<T>(c.dy, c.x0(), weight_gradient(c), bias_gradient(c), l.window);
    cpu::naive::conv2d_backward_input<T>(c.dy, weight(c), c.dx0(), l.window);
  }
  void forward(const Linear&, const SerialCall& c) { cpu::naive::linear_forward<T>(c.x0(), weight(c), bias(c), c.y); }
  void backward(const Linear&, const SerialCall& c) {
    cpu::naive::linear_backward_weights<T>(c.dy, c.x0(), weight_gradient(c), bias_gradient(c));
    cpu::naive::linear_backward_input<T>(c.dy, weight(c), c.dx0());
  }
  void forward(const MaxPool2d& l, const SerialCall& c) { cpu::naive::max_pool2d_forward<T>(c.x0(), c.y, l.window); }
  void backward(const MaxPool2d& l, const SerialCall& c) {
    cpu::naive::max_pool2d_backward_input<T>(c.dy, c.x0(), c.dx0(), l.window);
  }
  void forward(const GlobalAvgPool2d&, const SerialCall& c) {
    cpu::naive::global_avg_pool2d_forward<T>(c.x0(), c.y, pixels(c.x0().shape));
  }
  void backward(const GlobalAvgPool2d&, const SerialCall& c) {
    cpu::naive::global_avg_pool2d_backward_input<T>(c.dy, c.dx0(), pixels(c.x0().shape));
  }
  template <class Pool>
  static void average(const Pool& l, const SerialCall& c) {
    const Shape& x = c.x0().shape;
    cpu::naive::avg_pool2d_forward<T>(c.x0(), c.y, pool_spans_h(l, x.h), pool_spans_w(l, x.w));
  }
  template <class Pool>
  static void average_backward(const Pool& l, const SerialCall& c) {
    const Shape& x = c.x0().shape;
    cpu::naive::avg_pool2d_backward_input<T>(c.dy, c.dx0(), pool_spans_h(l, x.h), pool_spans_w(l, x.w));
  }
  void forward(const AvgPool2d& l, const SerialCall& c) { average(l, c); }
  void backward(const AvgPool2d& l, const SerialCall& c) { average_backward(l, c); }
  void forward(const AdaptiveAvgPool2d& l, const SerialCall& c) { average(l, c); }
  void backward(const AdaptiveAvgPool2d& l, const SerialCall& c) { average_backward(l, c); }
  void forward(const ReLU&, const SerialCall& c) { cpu::naive::relu_forward<T>(c.x0(), c.y); }
  void backward(const ReLU&, const SerialCall& c) { cpu::naive::relu_backward_input<T>(c.dy, c.y, c.dx0()); }
  void forward(const Activation& l, const SerialCall& c) { cpu::naive::activation_forward<T>(c.x0(), c.y, l.function); }
  void backward(const Activation& l, const SerialCall& c) {
    const View<const T> source = differentiates_output(l.function) ? View<const T>(c.y) : c.x0();
    cpu::naive::activation_backward_input<T>(c.dy, source, c.dx0(), l.function);
  }
  void forward(const Scale&, const SerialCall& c) { cpu::naive::scale_forward<T>(c.x0(), c.x.at(1), c.y); }
  void backward(const Scale&, const SerialCall& c) {
    cpu::naive::scale_forward<T>(c.dy, c.x.at(1), c.dx0());
    cpu::naive::scale_backward_factor<T>(c.dy, c.x0(), c.dx.at(1));
  }
  void forward(const ChannelSelect& l, const SerialCall& c) { cpu::naive::channel_select_forward<T>(c.x0(), c.y, l); }
  void backward(const ChannelSelect& l, const SerialCall& c) { cpu::naive::channel_select_backward_input<T>(c.dy, c.dx0(), l); }
  void forward(const LocalResponseNorm& l, const SerialCall& c) { cpu::naive::local_response_norm_forward<T>(c.x0(), c.y, l, 0); }
  void backward(const LocalResponseNorm& l, const SerialCall& c) {
    cpu::naive::local_response_norm_backward_input<T>(c.dy, c.x0(), c.dx0(), l, 0);
  }
  void forward(const Flatten&, const SerialCall& c) { std::copy_n(c.x0().data, c.x0().count(), c.y.data); }
  void backward(const Flatten&, const SerialCall& c) { std::copy_n(c.dy.data, c.dy.count(), c.dx0().data); }
  void forward(const Dropout& l, const SerialCall& c) {
    cpu::naive::dropout_forward<T>(c.x0(), c.y, training ? l.probability : 0, key(c));
  }
  void backward(const Dropout& l, const SerialCall& c) {
    cpu::naive::dropout_backward_input<T>(c.dy, c.dx0(), l.probability, key(c));
  }
  /// Losses add up; the answers are those of the last one, and no others count in evaluation.
  void forward(const SoftmaxCrossEntropy& l, const SerialCall& c) {
    const cpu::Loss here = cpu::naive::softmax_cross_entropy_forward<T>(c.x0(), labels, c.y, l);
    const bool last = c.node + 1 == static_cast<int>(model_.nodes.size());
    if (training || last) loss.loss_sum += here.loss_sum;
    if (last) loss.correct = here.correct;
  }
  void backward(const SoftmaxCrossEntropy& l, const SerialCall& c) {
    cpu::naive::softmax_cross_entropy_backward_input<T>(c.y, labels, c.dx0(), l, 1.0 / settings_.images_of_step());
  }
  void forward(const Add&, const SerialCall& c) { cpu::naive::sum<T>(c.x, c.y); }
  void backward(const Add&, const SerialCall& c) {
    for (const View<T>& dx : c.dx) std::copy_n(c.dy.data, c.dy.count(), dx.data);
  }
  void forward(const Concat&, const SerialCall& c) {
    int channel = 0;
    for (const View<const T>& x : c.x) {
      cpu::naive::copy_part<T>(x, c.y, {.to_c = channel, .n = x.shape.n, .c = x.shape.c, .h = x.shape.h});
      channel += x.shape.c;
    }
  }
  void backward(const Concat&, const SerialCall& c) {
    int channel = 0;
    for (const View<T>& dx : c.dx) {
      cpu::naive::copy_part<T>(c.dy, dx, {.from_c = channel, .n = dx.shape.n, .c = dx.shape.c, .h = dx.shape.h});
      channel += dx.shape.c;
    }
  }

  void forward(const BatchNorm2d& l, const SerialCall& c) {
    if (!training) {
      cpu::naive::batch_norm2d_forward_evaluate<T>(c.x0(), weight(c), bias(c), state(c, ".running_mean"),
                                                   state(c, ".running_var"), l.epsilon, c.y);
      return;
    }
    int running = settings_.running_groups;
    for (const Slice& group : groups()) {
      const std::vector<double> sums = statistics(c, group);
      cpu::naive::batch_norm2d_forward<T>(samples(c.x0(), group), weight(c), bias(c), sums, l.epsilon, samples(c.y, group));
      if (running-- > 0)
        cpu::naive::batch_norm2d_update_running<T>(sums, l.momentum, state(c, ".running_mean"), state(c, ".running_var"));
    }
  }
  void backward(const BatchNorm2d& l, const SerialCall& c) {
    for (const Slice& group : groups()) {
      const std::vector<double> sums = statistics(c, group);
      const View<const T> x = samples(c.x0(), group);
      const View<const T> dy = samples(c.dy, group);
      std::vector<double> gradient_sums(sums.size() - 1);
      cpu::naive::batch_norm2d_backward_statistics<T>(dy, x, sums, l.epsilon, gradient_sums);
      cpu::naive::batch_norm2d_backward_weights<T>(gradient_sums, weight_gradient(c), bias_gradient(c));
      cpu::naive::batch_norm2d_backward_input<T>(dy, x, weight(c), sums, gradient_sums, l.epsilon, samples(c.dx0(), group));
    }
  }
  [[nodiscard]] std::vector<double> statistics(const SerialCall& c, const Slice& group) const {
    std::vector<double> sums(static_cast<std::size_t>(2 * c.x0().shape.c + 1));
    cpu::naive::batch_norm2d_statistics<T>(samples(c.x0(), group), sums);
    return sums;
  }
  [[nodiscard]] std::vector<Slice> groups() const {
    return settings_.statistics_groups.empty() ? std::vector<Slice>{{0, settings_.batch}} : settings_.statistics_groups;
  }

  /// Some samples of a tensor.
  template <class Element>
  static View<Element> samples(const View<Element>& whole, const Slice& slice) {
    return {whole.data + slice.offset * whole.shape.sample_count(), whole.shape.with_batch(static_cast<int>(slice.count))};
  }
  static double pixels(const Shape& x) { return static_cast<double>(x.h) * x.w; }
  [[nodiscard]] const Layer& layer_of(const SerialCall& c) const { return model_.nodes[static_cast<std::size_t>(c.node)].layer; }

  /// The tensor of a node whose name ends like this, or one without data.
  static View<T> find(const std::vector<Parameter>& all, std::vector<double>& flat, const SerialCall& c, std::string_view name) {
    for (const Parameter& parameter : all)
      if (parameter.node == c.node && parameter.name.ends_with(name)) return {flat.data() + parameter.offset, parameter.shape};
    return {nullptr, {0, 0, 0, 0}};
  }
  View<T> weight(const SerialCall& c) { return find(parameters_, weights, c, ".weight"); }
  View<T> bias(const SerialCall& c) { return find(parameters_, weights, c, ".bias"); }
  View<T> weight_gradient(const SerialCall& c) { return find(parameters_, gradients, c, ".weight"); }
  View<T> bias_gradient(const SerialCall& c) { return find(parameters_, gradients, c, ".bias"); }
  View<T> state(const SerialCall& c, std::string_view name) { return find(states_, states, c, name); }
  [[nodiscard]] cpu::DropoutKey key(const SerialCall& c) const {
    return {.seed = settings_.seed, .step = c.step, .node = c.node, .first_sample = settings_.first_sample};
  }

  const Model& model_;
  const OracleSettings& settings_;
  const std::vector<Parameter> parameters_ = convoy::parameters(model_);
  const std::vector<Parameter> states_ = convoy::states(model_);
};

}  // namespace convoy::tests
