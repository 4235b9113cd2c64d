/// KernelTable: the kernels of one backend by name, so that one piece of code can run on the naive and on the fast ones.
#pragma once

#include "reference/cpu/kernels.h"
#include "reference/cpu/naive/kernels.h"

namespace convoy {

/// Pointers to the functions of reference/cpu/kernels.h (float) or reference/cpu/naive (float or double).
template <class T>
struct KernelTable {
  using In = View<const T>;
  using Out = View<T>;
  using Labels = std::span<const int>;
  using Sums = std::span<const double>;
  void (*conv2d_forward)(In x, In w, In b, Out y, const Window&);
  void (*conv2d_backward_input)(In dy, In w, Out dx, const Window&);
  void (*conv2d_backward_weights)(In dy, In x, Out dw, Out db, const Window&);
  void (*linear_forward)(In x, In w, In b, Out y);
  void (*linear_backward_input)(In dy, In w, Out dx);
  void (*linear_backward_weights)(In dy, In x, Out dw, Out db);
  void (*max_pool2d_forward)(In x, Out y, const Window&);
  void (*max_pool2d_backward_input)(In dy, In x, Out dx, const Window&);
  void (*avg_pool2d_forward)(In x, Out y, std::span<const PoolSpan> rows, std::span<const PoolSpan> columns);
  void (*avg_pool2d_backward_input)(In dy, Out dx, std::span<const PoolSpan> rows, std::span<const PoolSpan> columns);
  void (*add_bias)(In b, Out y);
  void (*bias_backward)(In dy, Out db);
  void (*global_avg_pool2d_forward)(In x, Out y, double count);
  void (*global_avg_pool2d_backward_input)(In dy, Out dx, double count);
  void (*local_response_norm_forward)(In x, Out y, const LocalResponseNorm&, int lead);
  void (*local_response_norm_backward_input)(In dy, In x, Out dx, const LocalResponseNorm&, int lead);
  void (*batch_norm2d_statistics)(In x, std::span<double> sums);
  void (*batch_norm2d_forward)(In x, In gamma, In beta, Sums sums, double epsilon, Out y);
  void (*batch_norm2d_update_running)(Sums sums, double momentum, Out mean, Out variance);
  void (*batch_norm2d_forward_evaluate)(In x, In gamma, In beta, In mean, In variance, double epsilon, Out y);
  void (*batch_norm2d_backward_statistics)(In dy, In x, Sums sums, double epsilon, std::span<double> gradient_sums);
  void (*batch_norm2d_backward_weights)(Sums gradient_sums, Out dgamma, Out dbeta);
  void (*batch_norm2d_backward_input)(In dy, In x, In gamma, Sums sums, Sums gradient_sums, double epsilon, Out dx);
  void (*sum)(std::span<const In> xs, Out y);
  void (*copy_part)(In from, Out to, const cpu::Part&);
  void (*add_part)(In from, Out to, const cpu::Part&);
  void (*relu_forward)(In x, Out y);
  void (*relu_backward_input)(In dy, In y, Out dx);
  void (*activation_forward)(In x, Out y, ActivationFunction);
  void (*activation_backward_input)(In dy, In source, Out dx, ActivationFunction);
  void (*scale_forward)(In x, In s, Out y);
  void (*scale_backward_factor)(In dy, In x, Out ds);
  void (*channel_select_forward)(In x, Out y, const ChannelSelect&);
  void (*channel_select_backward_input)(In dy, Out dx, const ChannelSelect&);
  void (*dropout_forward)(In x, Out y, double probability, const cpu::DropoutKey&);
  void (*dropout_backward_input)(In dy, Out dx, double probability, const cpu::DropoutKey&);
  cpu::Loss (*softmax_cross_entropy_forward)(In x, Labels, Out y, const SoftmaxCrossEntropy&);
  void (*softmax_cross_entropy_backward_input)(In y, Labels, Out dx, const SoftmaxCrossEntropy&, double scale);
  void (*sgd_update)(std::span<T> w, std::span<const T> dw, std::span<T> momentum, const cpu::SgdSettings&);
};

/// Plain loops, in the type of T.
template <class T>
constexpr KernelTable<T> naive_kernels() {
  namespace naive = cpu::naive;
  return {.conv2d_forward = naive::conv2d_forward<T>,
          .conv2d_backward_input = naive::conv2d_backward_input<T>,
          .conv2d_backward_weights = naive::conv2d_backward_weights<T>,
          .linear_forward = naive::linear_forward<T>,
          .linear_backward_input = naive::linear_backward_input<T>,
          .linear_backward_weights = naive::linear_backward_weights<T>,
          .max_pool2d_forward = naive::max_pool2d_forward<T>,
          .max_pool2d_backward_input = naive::max_pool2d_backward_input<T>,
          .avg_pool2d_forward = naive::avg_pool2d_forward<T>,
          .avg_pool2d_backward_input = naive::avg_pool2d_backward_input<T>,
          .add_bias = naive::add_bias<T>,
          .bias_backward = naive::bias_backward<T>,
          .global_avg_pool2d_forward = naive::global_avg_pool2d_forward<T>,
          .global_avg_pool2d_backward_input = naive::global_avg_pool2d_backward_input<T>,
          .local_response_norm_forward = naive::local_response_norm_forward<T>,
          .local_response_norm_backward_input = naive::local_response_norm_backward_input<T>,
          .batch_norm2d_statistics = naive::batch_norm2d_statistics<T>,
          .batch_norm2d_forward = naive::batch_norm2d_forward<T>,
          .batch_norm2d_update_running = naive::batch_norm2d_update_running<T>,
          .batch_norm2d_forward_evaluate = naive::batch_norm2d_forward_evaluate<T>,
          .batch_norm2d_backward_statistics = naive::batch_norm2d_backward_statistics<T>,
          .batch_norm2d_backward_weights = naive::batch_norm2d_backward_weights<T>,
          .batch_norm2d_backward_input = naive::batch_norm2d_backward_input<T>,
          .sum = naive::sum<T>,
          .copy_part = naive::copy_part<T>,
          .add_part = naive::add_part<T>,
          .relu_forward = naive::relu_forward<T>,
          .relu_backward_input = naive::relu_backward_input<T>,
          .activation_forward = naive::activation_forward<T>,
          .activation_backward_input = naive::activation_backward_input<T>,
          .scale_forward = naive::scale_forward<T>,
          .scale_backward_factor = naive::scale_backward_factor<T>,
          .channel_select_forward = naive::channel_select_forward<T>,
          .channel_select_backward_input = naive::channel_select_backward_input<T>,
          .dropout_forward = naive::dropout_forward<T>,
          .dropout_backward_input = naive::dropout_backward_input<T>,
          .softmax_cross_entropy_forward = naive::softmax_cross_entropy_forward<T>,
          .softmax_cross_entropy_backward_input = naive::softmax_cross_entropy_backward_input<T>,
          .sgd_update = naive::sgd_update<T>};
}

/// Eigen and OpenMP.
constexpr KernelTable<float> fast_kernels() {
  return {.conv2d_forward = cpu::conv2d_forward,
          .conv2d_backward_input = cpu::conv2d_backward_input,
          .conv2d_backward_weights = cpu::conv2d_backward_weights,
          .linear_forward = cpu::linear_forward,
          .linear_backward_input = cpu::linear_backward_input,
          .linear_backward_weights = cpu::linear_backward_weights,
          .max_pool2d_forward = cpu::max_pool2d_forward,
          .max_pool2d_backward_input = cpu::max_pool2d_backward_input,
          .avg_pool2d_forward = cpu::avg_pool2d_forward,
          .avg_pool2d_backward_input = cpu::avg_pool2d_backward_input,
          .add_bias = cpu::add_bias,
          .bias_backward = cpu::bias_backward,
          .global_avg_pool2d_forward = cpu::global_avg_pool2d_forward,
          .global_avg_pool2d_backward_input = cpu::global_avg_pool2d_backward_input,
          .local_response_norm_forward = cpu::local_response_norm_forward,
          .local_response_norm_backward_input = cpu::local_response_norm_backward_input,
          .batch_norm2d_statistics = cpu::batch_norm2d_statistics,
          .batch_norm2d_forward = cpu::batch_norm2d_forward,
          .batch_norm2d_update_running = cpu::batch_norm2d_update_running,
          .batch_norm2d_forward_evaluate = cpu::batch_norm2d_forward_evaluate,
          .batch_norm2d_backward_statistics = cpu::batch_norm2d_backward_statistics,
          .batch_norm2d_backward_weights = cpu::batch_norm2d_backward_weights,
          .batch_norm2d_backward_input = cpu::batch_norm2d_backward_input,
          .sum = cpu::sum,
          .copy_part = cpu::copy_part,
          .add_part = cpu::add_part,
          .relu_forward = cpu::relu_forward,
          .relu_backward_input = cpu::relu_backward_input,
          .activation_forward = cpu::activation_forward,
          .activation_backward_input = cpu::activation_backward_input,
          .scale_forward = cpu::scale_forward,
          .scale_backward_factor = cpu::scale_backward_factor,
          .channel_select_forward = cpu::channel_select_forward,
          .channel_select_backward_input = cpu::channel_select_backward_input,
          .dropout_forward = cpu::dropout_forward,
          .dropout_backward_input = cpu::dropout_backward_input,
          .softmax_cross_entropy_forward = cpu::softmax_cross_entropy_forward,
          .softmax_cross_entropy_backward_input = cpu::softmax_cross_entropy_backward_input,
          .sgd_update = cpu::sgd_update};
}

}  // namespace convoy
