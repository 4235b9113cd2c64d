/// The oracle: serial training with the naive kernels in double, written straight down. No schedule, no executor, no plan.
#pragma once

#include <utility>
#include <vector>

#include "reference/core/error.h"
#include "reference/data/dataset.h"
#include "tests/oracle/serial_layers.h"

namespace convoy::tests {

/// Step s uses images s*batch, s*batch+1, ... of the data set, beginning again at its end.
class Oracle {
 public:
  Oracle(Model model, const Dataset& data, OracleSettings settings)
      : model_(std::move(model)), data_(data), settings_(std::move(settings)) {
    std::int64_t next = 0;
    for (const Slice& group : settings_.statistics_groups) {
      require(group.offset == next && group.count >= 0, "Oracle", "statistics groups must cover the batch in order");
      next = group.end();
    }
    require(settings_.statistics_groups.empty() || next == settings_.batch, "Oracle", "statistics groups hold ", next, " of ",
            settings_.batch, " samples");
  }
  Oracle(const Oracle&) = delete;  // the layers refer to the model and the settings
  Oracle& operator=(const Oracle&) = delete;

  /// The flat weights after all steps, from the starting weights that the seed gives.
  std::vector<double> train() { return train(initial_weights(model_, settings_.seed)); }
  /// The same from these.
  std::vector<double> train(std::vector<double> start) {
    layers_.weights = std::move(start);
    layers_.states = initial_states(model_);
    totals_ = {};
    std::vector<double> momentum(layers_.weights.size(), 0.0);
    for (int s = 0; s < settings_.steps; ++s) {
      step(s);
      cpu::naive::sgd_update<double>(layers_.weights, layers_.gradients, momentum, settings_.sgd);
    }
    return layers_.weights;
  }
  /// The gradients of one step with these weights, which the running statistics follow from where they were.
  const std::vector<double>& gradients(std::vector<double> weights, int s) {
    layers_.weights = std::move(weights);
    if (layers_.states.empty()) layers_.states = initial_states(model_);
    step(s);
    return layers_.gradients;
  }
  /// The running statistics from which gradients() goes on.
  void go_on_from(std::vector<double> states) { layers_.states = std::move(states); }
  /// The running statistics after train().
  [[nodiscard]] const std::vector<double>& states() const { return layers_.states; }
  /// The mean loss of the last step's batch, before its update.
  [[nodiscard]] double loss() const { return layers_.loss.loss_sum / settings_.batch; }
  /// Loss and correct answers of all steps of train(), summed over the images.
  [[nodiscard]] cpu::Loss totals() const { return totals_; }
  /// Loss and correct answers on images [first, first + count) of another data set, with the weights and running statistics that
  /// train() left.
  [[nodiscard]] cpu::Loss evaluate(const Dataset& data, const Slice& range) {
    layers_.training = false;
    const Tensor<double> images = load(data, range);
    Tensors y = outputs(static_cast<int>(range.count));
    for (std::size_t i = 0; i < model_.nodes.size(); ++i) layers_.forward(call(i, 0, images, y));
    layers_.training = true;
    return layers_.loss;
  }

 private:
  using Tensors = std::vector<Tensor<double>>;

  /// Forward and backward of one step.
  void step(int s) {
    const Tensor<double> images =
        load(data_, {std::int64_t{s} * settings_.images_of_step() + settings_.first_sample, settings_.batch});
    Tensors y = outputs(settings_.batch);
    for (std::size_t i = 0; i < model_.nodes.size(); ++i) layers_.forward(call(i, s, images, y));
    totals_.loss_sum += layers_.loss.loss_sum;
    totals_.correct += layers_.loss.correct;

    layers_.gradients.assign(layers_.weights.size(), 0.0);
    Tensors dy;  // of a node that several others read, the sum of what they send back
    for (const Tensor<double>& tensor : y) dy.emplace_back(tensor.shape());
    for (std::size_t i = model_.nodes.size(); i-- > 0;) {
      SerialCall c = call(i, s, images, y);
      c.dy = dy[i].view();
      Tensors dx;
      for (const View<const double>& x : c.x) dx.emplace_back(x.shape);
      for (Tensor<double>& tensor : dx) c.dx.push_back(tensor.view());
      layers_.backward(c);
      for (std::size_t input = 0; input < dx.size(); ++input) {
        const int from = model_.nodes[i].inputs[input];
        if (from != kImages) add(dx[input], dy[static_cast<std::size_t>(from)]);
      }
    }
  }

  /// Some images, from the start again at the end of the data set; their labels go to the layers.
  Tensor<double> load(const Dataset& data, const Slice& range) {
    layers_.loss = {};
    Tensor<double> images(model_.image.with_batch(static_cast<int>(range.count)));
    layers_.labels.clear();
    for (std::int64_t i = 0; i < range.count; ++i) {
      const std::int64_t index = (range.offset + i) % data.count();
      data.copy_sample(index, images.data() + i * model_.image.sample_count());
      layers_.labels.push_back(data.labels[static_cast<std::size_t>(index)]);
    }
    return images;
  }
  [[nodiscard]] Tensors outputs(int batch) const {
    Tensors y;
    for (const Shape& shape : output_shapes(model_, batch)) y.emplace_back(shape);
    return y;
  }
  /// What node i reads and writes in forward.
  SerialCall call(std::size_t i, int s, const Tensor<double>& images, Tensors& y) const {
    SerialCall c{.node = static_cast<int>(i), .step = s, .x = {}, .y = y[i].view(), .dy = {}, .dx = {}};
    for (const int input : model_.nodes[i].inputs)
      c.x.push_back(input == kImages ? images.view() : std::as_const(y[static_cast<std::size_t>(input)]).view());
    return c;
  }
  static void add(const Tensor<double>& x, Tensor<double>& y) {
    for (std::int64_t i = 0; i < y.count(); ++i) y.data()[i] += x.data()[i];
  }

  const Model model_;
  const Dataset& data_;
  const OracleSettings settings_;
  SerialLayers layers_{model_, settings_};
  cpu::Loss totals_;
};

}  // namespace convoy::tests
