/// Conv2d: the implicit GEMMs of the ladder, and biases.
#pragma once

#include "reference/cuda/ladder/conv2d_backward_input/3_implicit_gemm.cuh"
#include "reference/cuda/ladder/conv2d_backward_weights/3_implicit_gemm.cuh"
#include "reference/cuda/ladder/conv2d_forward/4_implicit_gemm.cuh"
#include "reference/cuda/layers/common.cuh"
#include "reference/cuda/reduce.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

inline ConvSize conv_size(const Shape& x, const Shape& w, const Shape& y, const Window& o, const char* op) {
  count_of_elements(x.count(), op);
  count_of_elements(y.count(), op);
  count_of_elements(w.count(), op);
  return {x.n, x.c, x.h, x.w, w.n, w.h, w.w, y.h, y.w, o.stride_h, o.stride_w, o.padding_h, o.padding_w, o.dilation_h, o.dilation_w,
          cpu::groups_of(x, w)};
}

void conv2d_forward(View<const float> x, View<const float> w, View<const float> b, View<float> y, const Window& window) {
  cpu::check_conv2d("cuda::conv2d_forward", x.shape, w.shape, y.shape, window);
  cpu::check_bias("cuda::conv2d_forward", "b", b, w.shape.n);
  conv2d_forward_4_implicit_gemm(conv_size(x.shape, w.shape, y.shape, window, "conv2d_forward"), x.data, w.data, b.data, y.data);
}

void conv2d_backward_input(View<const float> dy, View<const float> w, View<float> dx, const Window& window) {
  cpu::check_conv2d("cuda::conv2d_backward_input", dx.shape, w.shape, dy.shape, window);
  conv2d_backward_input_3_implicit_gemm(conv_size(dx.shape, w.shape, dy.shape, window, "conv2d_backward_input"), dy.data, w.data, dx.data);
}

void conv2d_backward_weights(View<const float> dy, View<const float> x, View<float> dw, View<float> db, const Window& window) {
  cpu::check_conv2d("cuda::conv2d_backward_weights", x.shape, dw.shape, dy.shape, window);
  cpu::check_bias("cuda::conv2d_backward_weights", "db", db, dw.shape.n);
  const ConvSize size = conv_size(x.shape, dw.shape, dy.shape, window, "conv2d_backward_weights");
  if (dy.count() > 0 && dw.count() > 0) {
    auto* parts = static_cast<float*>(scratch(4 * weight_parts_floats(size)));
    conv2d_backward_weights_3_implicit_gemm(size, dy.data, x.data, dw.data, parts);
  }
  if (db.data != nullptr) bias_backward(dy, db);
}

struct AddBias {
  const float* b;
  float* y;
  int channels, pixels;
  __device__ void operator()(int i) const { y[i] += b[i / pixels % channels]; }
};
void add_bias(View<const float> b, View<float> y) {
  cpu::check_per_channel("cuda::add_bias", "b", b.shape, y.shape.c);
  for_each_element("add_bias", y.count(), AddBias{b.data, y.data, y.shape.c, y.shape.h * y.shape.w});
}

inline constexpr int kBiasThreads = 128;

/// A block for each filter.
__global__ void __launch_bounds__(kBiasThreads) bias_backward_kernel(int samples, int channels, int pixels, const float* dy, float* db) {
  __shared__ double partial[kBiasThreads / 32];
  const int k = static_cast<int>(blockIdx.x);
  double sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < samples * pixels; i += kBiasThreads)
    sum += static_cast<double>(dy[(i / pixels * channels + k) * pixels + i % pixels]);
  sum = block_sum<kBiasThreads>(sum, partial);
  if (threadIdx.x == 0) db[k] += static_cast<float>(sum);
}
void bias_backward(View<const float> dy, View<float> db) {
  cpu::check_per_channel("cuda::bias_backward", "db", db.shape, dy.shape.c);
  count_of_elements(dy.count(), "bias_backward");
  launch("bias_backward", dim3{static_cast<unsigned>(dy.shape.c), 1, 1}, dim3{kBiasThreads, 1, 1}, bias_backward_kernel, dy.shape.n,
         dy.shape.c, dy.shape.h * dy.shape.w, dy.data, db.data);
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
