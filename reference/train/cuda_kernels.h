/// The kernels of reference/cuda as tables: for a GPU, and for the emulator. Who names a side links it.
#pragma once

#include "reference/cuda/kernels.h"
#include "reference/train/kernel_table.h"

namespace convoy {

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): the two sides have the same names in two namespaces
#define CONVOY_CUDA_KERNEL_TABLE(side)                                                                         \
  {.conv2d_forward = side::conv2d_forward, .conv2d_backward_input = side::conv2d_backward_input,               \
   .conv2d_backward_weights = side::conv2d_backward_weights, .linear_forward = side::linear_forward,           \
   .linear_backward_input = side::linear_backward_input, .linear_backward_weights = side::linear_backward_weights, \
   .max_pool2d_forward = side::max_pool2d_forward, .max_pool2d_backward_input = side::max_pool2d_backward_input, \
   .avg_pool2d_forward = side::avg_pool2d_forward, .avg_pool2d_backward_input = side::avg_pool2d_backward_input, \
   .add_bias = side::add_bias, .bias_backward = side::bias_backward,                                           \
   .global_avg_pool2d_forward = side::global_avg_pool2d_forward,                                               \
   .global_avg_pool2d_backward_input = side::global_avg_pool2d_backward_input,                                 \
   .local_response_norm_forward = side::local_response_norm_forward,                                           \
   .local_response_norm_backward_input = side::local_response_norm_backward_input,                             \
   .batch_norm2d_statistics = side::batch_norm2d_statistics, .batch_norm2d_forward = side::batch_norm2d_forward, \
   .batch_norm2d_update_running = side::batch_norm2d_update_running,                                           \
   .batch_norm2d_forward_evaluate = side::batch_norm2d_forward_evaluate,                                       \
   .batch_norm2d_backward_statistics = side::batch_norm2d_backward_statistics,                                 \
   .batch_norm2d_backward_weights = side::batch_norm2d_backward_weights,                                       \
   .batch_norm2d_backward_input = side::batch_norm2d_backward_input, .sum = side::sum,                         \
   .copy_part = side::copy_part, .add_part = side::add_part, .relu_forward = side::relu_forward,               \
   .relu_backward_input = side::relu_backward_input, .activation_forward = side::activation_forward,           \
   .activation_backward_input = side::activation_backward_input, .scale_forward = side::scale_forward,         \
   .scale_backward_factor = side::scale_backward_factor, .channel_select_forward = side::channel_select_forward, \
   .channel_select_backward_input = side::channel_select_backward_input, .dropout_forward = side::dropout_forward,                 \
   .dropout_backward_input = side::dropout_backward_input,                                                     \
   .softmax_cross_entropy_forward = side::softmax_cross_entropy_forward,                                       \
   .softmax_cross_entropy_backward_input = side::softmax_cross_entropy_backward_input, .sgd_update = side::sgd_update}

/// On the emulator; operands are its memory.
constexpr KernelTable<float> emulated_kernels() { return CONVOY_CUDA_KERNEL_TABLE(cuda::emulated); }
/// On the GPU that cuda::device::use_device() chose.
constexpr KernelTable<float> device_kernels() { return CONVOY_CUDA_KERNEL_TABLE(cuda::device); }

#undef CONVOY_CUDA_KERNEL_TABLE

}  // namespace convoy
