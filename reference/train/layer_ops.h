/// LayerOps: what a layer computes forward and backward, each with its kernel and the operands that this takes.
#pragma once

#include <array>

#include "reference/train/load_ops.h"
#include "reference/train/pool_spans.h"
#include "reference/train/tensor_ops.h"

namespace convoy {

template <class T>
struct LayerOps {
  const ComputeOp<T>& op;
  const KernelTable<T>& kernels = op.kernels;

  void forward(const Conv2d& l) {
    kernels.conv2d_forward(view(Role::x), view(Role::weight), optional_view(Role::bias), view(Role::y),
                           op.window(l, Role::x, Role::y));
    relu_in_place(l.relu);
    if (find(Role::sums) != nullptr) kernels.batch_norm2d_statistics(view(Role::y), doubles(Role::sums));
  }
  void backward_input(const Conv2d& l) {
    kernels.conv2d_backward_input(masked_dy(l.relu), view(Role::weight), view(Role::dx), op.window(l, Role::dx, Role::dy));
  }
  void backward_weights(const Conv2d& l) {
    kernels.conv2d_backward_weights(masked_dy(l.relu), view(Role::x), view(Role::weight_gradient),
                                    optional_view(Role::bias_gradient), op.window(l, Role::x, Role::dy));
  }

  void forward(const Linear& l) {
    kernels.linear_forward(view(Role::x), view(Role::weight), optional_view(Role::bias), view(Role::y));
    relu_in_place(l.relu);
  }
  void backward_input(const Linear& l) { kernels.linear_backward_input(masked_dy(l.relu), view(Role::weight), view(Role::dx)); }
  void backward_weights(const Linear& l) {
    kernels.linear_backward_weights(masked_dy(l.relu), view(Role::x), view(Role::weight_gradient),
                                    optional_view(Role::bias_gradient));
  }

  void forward(const MaxPool2d& l) { kernels.max_pool2d_forward(view(Role::x), view(Role::y), op.window(l, Role::x, Role::y)); }
  void backward_input(const MaxPool2d& l) {
    kernels.max_pool2d_backward_input(view(Role::dy), view(Role::x), view(Role::dx), op.window(l, Role::x, Role::dy));
  }

  template <class Pool>
  void average(const Pool& l) {
    const PoolSpans& spans = pool_spans(l, op.whole_input(), op.need(Role::x).box, op.need(Role::y).box);
    kernels.avg_pool2d_forward(view(Role::x), view(Role::y), spans.rows, spans.columns);
  }
  template <class Pool>
  void average_backward(const Pool& l) {
    const PoolSpans& spans = pool_spans(l, op.whole_input(), op.need(Role::dx).box, op.need(Role::dy).box);
    kernels.avg_pool2d_backward_input(view(Role::dy), view(Role::dx), spans.rows, spans.columns);
  }
  void forward(const AvgPool2d& l) { average(l); }
  void backward_input(const AvgPool2d& l) { average_backward(l); }
  void forward(const AdaptiveAvgPool2d& l) { average(l); }
  void backward_input(const AdaptiveAvgPool2d& l) { average_backward(l); }

  void forward(const GlobalAvgPool2d&) { kernels.global_avg_pool2d_forward(view(Role::x), view(Role::y), op.image_pixels()); }
  void backward_input(const GlobalAvgPool2d&) {
    kernels.global_avg_pool2d_backward_input(view(Role::dy), view(Role::dx), op.image_pixels());
  }

  void forward(const ReLU&) { kernels.relu_forward(view(Role::x), view(Role::y)); }
  void backward_input(const ReLU&) { kernels.relu_backward_input(view(Role::dy), view(Role::y), view(Role::dx)); }

  void forward(const Activation& l) { kernels.activation_forward(view(Role::x), view(Role::y), l.function); }
  void backward_input(const Activation& l) {
    const Role source = differentiates_output(l.function) ? Role::y : Role::x;
    kernels.activation_backward_input(view(Role::dy), view(source), view(Role::dx), l.function);
  }

  void forward(const Scale&) { kernels.scale_forward(view(Role::x), second_view(Role::x), view(Role::y)); }
  void backward_input(const Scale&) {  // of both inputs
    kernels.scale_forward(view(Role::dy), second_view(Role::x), view(Role::dx));
    kernels.scale_backward_factor(view(Role::dy), view(Role::x), second_view(Role::dx));
  }

  void forward(const ChannelSelect& l) { kernels.channel_select_forward(view(Role::x), view(Role::y), l); }
  void backward_input(const ChannelSelect& l) { kernels.channel_select_backward_input(view(Role::dy), view(Role::dx), l); }

  void forward(const LocalResponseNorm& l) {
    kernels.local_response_norm_forward(view(Role::x), view(Role::y), l, op.lead(Role::x, Role::y));
  }
  void backward_input(const LocalResponseNorm& l) {
    kernels.local_response_norm_backward_input(view(Role::dy), view(Role::x), view(Role::dx), l, op.lead(Role::x, Role::dy));
  }

  void forward(const Add& l) {
    add_all(op, Role::x, Role::y);
    relu_in_place(l.relu);
  }
  void backward_input(const Add& l) {
    if (!l.relu) nothing_to_do();
    kernels.relu_backward_input(view(Role::dy), view(Role::y), view(Role::dx));
  }

  void forward(const Concat&) { copy_parts(op); }
  void backward_input(const Concat&) { nothing_to_do(); }

  void forward(const Flatten&) { nothing_to_do(); }
  void backward_input(const Flatten&) { nothing_to_do(); }

  void forward(const BatchNorm2d& l) {
    if (find(Role::sums) == nullptr) {
      kernels.batch_norm2d_forward_evaluate(view(Role::x), view(Role::weight), view(Role::bias), view(Role::running_mean),
                                            view(Role::running_var), l.epsilon, view(Role::y));
    } else {
      kernels.batch_norm2d_forward(view(Role::x), view(Role::weight), view(Role::bias), doubles(Role::sums), l.epsilon,
                                   view(Role::y));
      if (find(Role::running_mean) != nullptr)  // not when a stage is recomputed
        kernels.batch_norm2d_update_running(doubles(Role::sums), l.momentum, view(Role::running_mean), view(Role::running_var));
    }
    if (l.adds) kernels.sum(std::array<View<const T>, 2>{view(Role::y), second_view(Role::x)}, view(Role::y));
    relu_in_place(l.relu);
  }
  void gradient_statistics(const BatchNorm2d& l) {
    View<const T> dy = view(Role::dy);
    if (find(Role::dx) != nullptr) {  // the gradient of what was added
      kernels.relu_backward_input(dy, view(Role::y), view(Role::dx));
      dy = view(Role::dx);
    } else {
      dy = masked_dy(l.relu);
    }
    kernels.batch_norm2d_backward_statistics(dy, view(Role::x), doubles(Role::sums), l.epsilon, doubles(Role::gradient_sums));
  }
  void backward_weights(const BatchNorm2d&) {
    kernels.batch_norm2d_backward_weights(doubles(Role::gradient_sums), view(Role::weight_gradient), view(Role::bias_gradient));
  }
  void backward_input(const BatchNorm2d& l) {
    kernels.batch_norm2d_backward_input(masked_dy(find(Role::y) != nullptr), view(Role::x), view(Role::weight),
                                        doubles(Role::sums), doubles(Role::gradient_sums), l.epsilon, view(Role::dx));
  }

  void forward(const Dropout& l) {
    kernels.dropout_forward(view(Role::x), view(Role::y), op.probability(l), op.dropout_key(Role::y));
  }
  void backward_input(const Dropout& l) {
    kernels.dropout_backward_input(view(Role::dy), view(Role::dx), op.probability(l), op.dropout_key(Role::dy));
  }

  void forward(const SoftmaxCrossEntropy& l) {
    read_labels(op, Role::x);
    const cpu::Loss loss = kernels.softmax_cross_entropy_forward(view(Role::x), op.state.labels, view(Role::y), l);
    if (counted_samples(op.call.schedule, op.call.rank, op.call.compute.node).count == 0)
      return;  // another rank computes the same
    op.state.totals.loss_sum += loss.loss_sum;
    if (op.is_last_node()) op.state.totals.correct += loss.correct;  // answers are those of the last loss
  }
  void backward_input(const SoftmaxCrossEntropy& l) {
    read_labels(op, Role::y);
    const std::int64_t images = images_of_mean(op.call.schedule, op.call.rank, op.need(Role::y).box.n);
    kernels.softmax_cross_entropy_backward_input(view(Role::y), op.state.labels, view(Role::dx), l,
                                                 1.0 / static_cast<double>(images));
  }

 private:
  [[nodiscard]] const Operand* find(Role role) const { return op.find(role); }
  [[nodiscard]] View<T> view(Role role) const { return op.view(role); }
  [[nodiscard]] View<T> second_view(Role role) const { return op.view_of(op.operands.second(role)); }
  [[nodiscard]] View<T> optional_view(Role role) const { return op.optional_view(role); }
  [[nodiscard]] std::span<double> doubles(Role role) const { return op.doubles(role); }

  void nothing_to_do() {
    require(false, "CpuCompute", kind_name(op.node().layer), " computes nothing here, but op '", op.call.op.name, "' runs it");
  }

  void relu_in_place(bool relu) {
    if (relu) kernels.relu_forward(view(Role::y), view(Role::y));
  }
  /// dy, or where a ReLU is fused dy where y is above 0. Others may read dy too, so that is another tensor.
  View<const T> masked_dy(bool relu) {
    const View<T> dy = view(Role::dy);
    if (!relu) return dy;
    require(op.device() == nullptr, "CpuCompute", "op '", op.call.op.name,
            "' has a fused ReLU, which no kernel of a device computes");
    const std::int64_t bytes = dy.shape.count() * static_cast<std::int64_t>(sizeof(T));
    if (op.state.masked.count() < bytes) op.state.masked = AlignedArray<std::byte>(bytes);
    const View<T> masked{reinterpret_cast<T*>(op.state.masked.data()), dy.shape};
    kernels.relu_backward_input(dy, view(Role::y), masked);
    return masked;
  }
};

}  // namespace convoy
