/// Activations other than ReLU, channels scaled by a factor each, and channels selected: a thread for each element, a warp for each sum.
#pragma once

#include "reference/cuda/layers/common.cuh"
#include "reference/cuda/reduce.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

__device__ inline float hard_sigmoid(float x) { return x < -3 ? 0.0F : x > 3 ? 1.0F : (x + 3) / 6; }
__device__ inline float sigmoid(float x) { return 1 / (1 + expf(-x)); }

struct ActivationForward {
  ActivationFunction function;
  const float* x;
  float* y;
  __device__ float of(float v) const {
    switch (function) {
      case ActivationFunction::relu6: return v < 0 ? 0.0F : v > 6 ? 6.0F : v;
      case ActivationFunction::sigmoid: return sigmoid(v);
      case ActivationFunction::tanh: return tanhf(v);
      case ActivationFunction::hard_sigmoid: return hard_sigmoid(v);
      case ActivationFunction::hard_swish: return v * hard_sigmoid(v);
      case ActivationFunction::silu: return v * sigmoid(v);
    }
    return v;
  }
  __device__ void operator()(int i) const { y[i] = of(x[i]); }
};
void activation_forward(View<const float> x, View<float> y, ActivationFunction function) {
  cpu::check_shape("cuda::activation_forward", "y", y.shape, x.shape);
  for_each_element("activation_forward", x.count(), ActivationForward{function, x.data, y.data});
}

struct ActivationBackward {
  ActivationFunction function;
  const float *dy, *source;
  float* dx;
  __device__ float slope(float v) const {
    switch (function) {
      case ActivationFunction::relu6: return v <= 0 || v >= 6 ? 0.0F : 1.0F;
      case ActivationFunction::sigmoid: return v * (1 - v);
      case ActivationFunction::tanh: return 1 - v * v;
      case ActivationFunction::hard_sigmoid: return v <= 0 || v >= 1 ? 0.0F : 1.0F / 6;
      case ActivationFunction::hard_swish: return v < -3 ? 0.0F : v > 3 ? 1.0F : v / 3 + 0.5F;
      case ActivationFunction::silu: {
        const float s = sigmoid(v);
        return s * (1 + v * (1 - s));
      }
    }
    return 0;
  }
  __device__ void operator()(int i) const { dx[i] = dy[i] * slope(source[i]); }
};
void activation_backward_input(View<const float> dy, View<const float> source, View<float> dx, ActivationFunction function) {
  cpu::check_shape("cuda::activation_backward_input", "dy", dy.shape, source.shape);
  cpu::check_shape("cuda::activation_backward_input", "dx", dx.shape, source.shape);
  for_each_element("activation_backward_input", dy.count(), ActivationBackward{function, dy.data, source.data, dx.data});
}

struct ScaleForward {
  int pixels;
  const float *x, *s;
  float* y;
  __device__ void operator()(int i) const { y[i] = x[i] * s[i / pixels]; }
};
void scale_forward(View<const float> x, View<const float> s, View<float> y) {
  cpu::check_scale("cuda::scale_forward", x.shape, s.shape);
  cpu::check_shape("cuda::scale_forward", "y", y.shape, x.shape);
  for_each_element("scale_forward", x.count(), ScaleForward{x.shape.h * x.shape.w, x.data, s.data, y.data});
}

/// A warp for each channel of each image; blocks of 4 warps.
__global__ void scale_backward_kernel(int planes, int pixels, const float* dy, const float* x, float* ds) {
  const int plane = static_cast<int>(blockIdx.x) * 4 + static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if (plane >= planes) return;
  float sum = 0;
  for (int i = lane; i < pixels; i += 32) sum += dy[plane * pixels + i] * x[plane * pixels + i];
  sum = warp_sum(sum);
  if (lane == 0) ds[plane] = sum;
}
void scale_backward_factor(View<const float> dy, View<const float> x, View<float> ds) {
  cpu::check_shape("cuda::scale_backward_factor", "dy", dy.shape, x.shape);
  cpu::check_scale("cuda::scale_backward_factor", x.shape, ds.shape);
  count_of_elements(x.count(), "scale_backward_factor");
  launch("scale_backward_factor", dim3{blocks_for(ds.count(), 4), 1, 1}, dim3{128, 1, 1}, scale_backward_kernel, ds.count(),
         x.shape.h * x.shape.w, dy.data, x.data, ds.data);
}

/// Channel i of y is channel source(i) of x.
struct ChannelSelectForward {
  int first, count, groups, channels, pixels;
  const float* x;
  float* y;
  __device__ void operator()(int i) const {
    const int c = i / pixels % count, n = i / pixels / count;
    const int from = first + c % groups * (count / groups) + c / groups;
    y[i] = x[(n * channels + from) * pixels + i % pixels];
  }
};
void channel_select_forward(View<const float> x, View<float> y, const ChannelSelect& select) {
  cpu::check_channel_select("cuda::channel_select_forward", x.shape, y.shape, select);
  count_of_elements(x.count(), "channel_select_forward");
  for_each_element("channel_select_forward", y.count(),
                   ChannelSelectForward{select.first, select.count, select.groups, x.shape.c, x.shape.h * x.shape.w, x.data, y.data});
}

/// A channel of x that was selected is c = first + g * (count / groups) + j, and has become channel j * groups + g.
struct ChannelSelectBackward {
  int first, count, groups, channels, pixels;
  const float* dy;
  float* dx;
  __device__ void operator()(int i) const {
    const int c = i / pixels % channels - first, n = i / pixels / channels;
    const bool selected = c >= 0 && c < count;
    const int each = count / groups;
    dx[i] = selected ? dy[(n * count + c % each * groups + c / each) * pixels + i % pixels] : 0.0F;
  }
};
void channel_select_backward_input(View<const float> dy, View<float> dx, const ChannelSelect& select) {
  cpu::check_channel_select("cuda::channel_select_backward_input", dx.shape, dy.shape, select);
  count_of_elements(dx.count(), "channel_select_backward_input");
  for_each_element("channel_select_backward_input", dx.count(),
                   ChannelSelectBackward{select.first, select.count, select.groups, dx.shape.c, dx.shape.h * dx.shape.w, dy.data, dx.data});
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
