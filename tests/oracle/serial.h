/// The oracle: serial training with the naive kernels in double, written straight down. No schedule, no executor, no plan.
#pragma once

#include <vector>

#include "reference/cpu/naive/conv2d.h"
#include "reference/cpu/naive/dropout.h"
#include "reference/cpu/naive/linear.h"
#include "reference/cpu/naive/max_pool2d.h"
#include "reference/cpu/naive/relu.h"
#include "reference/cpu/naive/sgd.h"
#include "reference/cpu/naive/softmax_cross_entropy.h"
#include "reference/data/dataset.h"
#include "reference/model/model.h"

namespace convoy::tests {

struct OracleSettings {
  int batch = 1;
  int steps = 1;
  cpu::SgdSettings sgd;
  std::uint64_t seed = 1;  ///< of the weights and of Dropout
};

/// Step s uses images s*batch, s*batch+1, ... of the data set, beginning again at its end.
class Oracle {
 public:
  Oracle(const Model& model, const Dataset& data, OracleSettings settings) : model_(model), data_(data), settings_(settings) {}

  /// The flat weights after all steps.
  std::vector<double> train() {
    weights_ = initial_weights(model_, settings_.seed);
    momentum_.assign(weights_.size(), 0.0);
    for (int s = 0; s < settings_.steps; ++s) step(s);
    return weights_;
  }

 private:
  void step(int s) {
    gradients_.assign(weights_.size(), 0.0);
    Tensor<double> images(model_.image.with_batch(settings_.batch));
    std::vector<int> labels;
    for (int i = 0; i < settings_.batch; ++i) {
      const std::int64_t index = (std::int64_t{s} * settings_.batch + i) % data_.count();
      data_.copy_sample(index, images.data() + i * model_.image.sample_count());
      labels.push_back(data_.labels[static_cast<std::size_t>(index)]);
    }
    std::vector<Tensor<double>> y;
    for (std::size_t i = 0; i < model_.nodes.size(); ++i) {
      y.emplace_back(output_shapes(model_, settings_.batch)[i]);
      const int input = model_.nodes[i].input;
      Tensor<double>& x = input < 0 ? images : y[static_cast<std::size_t>(input)];
      std::visit([&](const auto& layer) { forward(layer, static_cast<int>(i), s, x, y[i], labels); }, model_.nodes[i].layer);
    }
    std::vector<Tensor<double>> dy(model_.nodes.size());
    for (std::size_t i = model_.nodes.size(); i-- > 0;) {
      const int input = model_.nodes[i].input;
      Tensor<double>& x = input < 0 ? images : y[static_cast<std::size_t>(input)];
      Tensor<double> dx(x.shape());
      std::visit([&](const auto& layer) { backward(layer, static_cast<int>(i), s, x, y[i], labels, dy[i], dx); },
                 model_.nodes[i].layer);
      if (input >= 0) dy[static_cast<std::size_t>(input)] = std::move(dx);
    }
    cpu::naive::sgd_update<double>(weights_, gradients_, momentum_, settings_.sgd);
  }

  View<double> learned(std::vector<double>& flat, int node, const char* which) {
    for (const Parameter& parameter : parameters(model_))
      if (parameter.node == node && parameter.name.ends_with(which)) return {flat.data() + parameter.offset, parameter.shape};
    return {nullptr, {0, 0, 0, 0}};
  }
  View<double> weight(int node) { return learned(weights_, node, ".weight"); }
  View<double> bias(int node) { return learned(weights_, node, ".bias"); }
  cpu::DropoutKey key(int node, int step) const {
    return {.seed = settings_.seed, .step = step, .node = node, .first_sample = 0};
  }

  using T = Tensor<double>;
  using Labels = std::vector<int>;
  void forward(const Conv2d& l, int i, int, T& x, T& y, const Labels&) {
    cpu::naive::conv2d_forward<double>(x.view(), weight(i), bias(i), y.view(), l.window);
  }
  void forward(const Linear&, int i, int, T& x, T& y, const Labels&) {
    cpu::naive::linear_forward<double>(x.view(), weight(i), bias(i), y.view());
  }
  void forward(const MaxPool2d& l, int, int, T& x, T& y, const Labels&) {
    cpu::naive::max_pool2d_forward<double>(x.view(), y.view(), l.window);
  }
  void forward(const ReLU&, int, int, T& x, T& y, const Labels&) { cpu::naive::relu_forward<double>(x.view(), y.view()); }
  void forward(const Flatten&, int, int, T& x, T& y, const Labels&) { std::copy_n(x.data(), x.count(), y.data()); }
  void forward(const Dropout& l, int i, int s, T& x, T& y, const Labels&) {
    cpu::naive::dropout_forward<double>(x.view(), y.view(), l.probability, key(i, s));
  }
  void forward(const SoftmaxCrossEntropy&, int, int, T& x, T& y, const Labels& labels) {
    (void)cpu::naive::softmax_cross_entropy_forward<double>(x.view(), labels, y.view());
  }

  void backward(const Conv2d& l, int i, int, T& x, T&, const Labels&, T& dy, T& dx) {
    cpu::naive::conv2d_backward_weights<double>(dy.view(), x.view(), learned(gradients_, i, ".weight"),
                                                learned(gradients_, i, ".bias"), l.window);
    cpu::naive::conv2d_backward_input<double>(dy.view(), weight(i), dx.view(), l.window);
  }
  void backward(const Linear&, int i, int, T& x, T&, const Labels&, T& dy, T& dx) {
    cpu::naive::linear_backward_weights<double>(dy.view(), x.view(), learned(gradients_, i, ".weight"),
                                                learned(gradients_, i, ".bias"));
    cpu::naive::linear_backward_input<double>(dy.view(), weight(i), dx.view());
  }
  void backward(const MaxPool2d& l, int, int, T& x, T&, const Labels&, T& dy, T& dx) {
    cpu::naive::max_pool2d_backward_input<double>(dy.view(), x.view(), dx.view(), l.window);
  }
  void backward(const ReLU&, int, int, T&, T& y, const Labels&, T& dy, T& dx) {
    cpu::naive::relu_backward_input<double>(dy.view(), y.view(), dx.view());
  }
  void backward(const Flatten&, int, int, T&, T&, const Labels&, T& dy, T& dx) { std::copy_n(dy.data(), dy.count(), dx.data()); }
  void backward(const Dropout& l, int i, int s, T&, T&, const Labels&, T& dy, T& dx) {
    cpu::naive::dropout_backward_input<double>(dy.view(), dx.view(), l.probability, key(i, s));
  }
  void backward(const SoftmaxCrossEntropy&, int, int, T&, T& y, const Labels& labels, T&, T& dx) {
    cpu::naive::softmax_cross_entropy_backward_input<double>(y.view(), labels, dx.view(), 1.0 / settings_.batch);
  }

  const Model& model_;
  const Dataset& data_;
  OracleSettings settings_;
  std::vector<double> weights_, gradients_, momentum_;
};

}  // namespace convoy::tests
