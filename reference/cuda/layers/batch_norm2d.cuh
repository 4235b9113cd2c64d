/// BatchNorm2d, cut where ranks that share statistics add something up; reference/cpu/naive/batch_norm2d.h says how. Sums are doubles on
/// the device.
#pragma once

#include "reference/cuda/ladder/batch_norm2d/3_shuffles.cuh"
#include "reference/cuda/layers/common.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

inline NormSize norm_size(const Shape& x, double epsilon, const char* op) {
  count_of_elements(x.count(), op);
  return {x.n, x.c, x.h * x.w, epsilon};
}
inline std::size_t sums_of(const Shape& x) { return static_cast<std::size_t>(2 * x.c + 1); }

void batch_norm2d_statistics(View<const float> x, std::span<double> sums) {
  cpu::check_sums("cuda::batch_norm2d_statistics", sums.size(), sums_of(x.shape));
  if (x.shape.c == 0) return fill(sums.data(), 0, 8);
  batch_norm2d_sums(norm_size(x.shape, 0, "batch_norm2d_statistics"), x.data, sums.data());
}

void batch_norm2d_forward(View<const float> x, View<const float> gamma, View<const float> beta, std::span<const double> sums,
                          double epsilon, View<float> y) {
  cpu::check_shape("cuda::batch_norm2d_forward", "y", y.shape, x.shape);
  cpu::check_per_channel("cuda::batch_norm2d_forward", "gamma", gamma.shape, x.shape.c);
  cpu::check_per_channel("cuda::batch_norm2d_forward", "beta", beta.shape, x.shape.c);
  cpu::check_sums("cuda::batch_norm2d_forward", sums.size(), sums_of(x.shape));
  if (x.count() == 0) return;
  batch_norm2d_apply(norm_size(x.shape, epsilon, "batch_norm2d_forward"), x.data, gamma.data, beta.data, sums.data(), y.data);
}

struct UpdateRunning {
  int channels;
  double momentum;
  const double* sums;
  float* mean;
  float* variance;
  __device__ void operator()(int c) const {
    const double count = sums[2 * channels];
    if (!(count > 0)) return;
    const double of_group = sums[c] / count;
    const double biased = sums[channels + c] / count - of_group * of_group;
    const double unbiased = (biased > 0 ? biased : 0.0) * (count > 1 ? count / (count - 1) : 1.0);
    mean[c] = static_cast<float>((1 - momentum) * static_cast<double>(mean[c]) + momentum * of_group);
    variance[c] = static_cast<float>((1 - momentum) * static_cast<double>(variance[c]) + momentum * unbiased);
  }
};
void batch_norm2d_update_running(std::span<const double> sums, double momentum, View<float> mean, View<float> variance) {
  cpu::check_per_channel("cuda::batch_norm2d_update_running", "variance", variance.shape, mean.shape.c);
  cpu::check_sums("cuda::batch_norm2d_update_running", sums.size(), sums_of(mean.shape));
  for_each_element("batch_norm2d_update_running", mean.shape.c,
                   UpdateRunning{mean.shape.c, momentum, sums.data(), mean.data, variance.data});
}

struct Evaluate {
  int channels, pixels;
  float epsilon;
  const float *x, *gamma, *beta, *mean, *variance;
  float* y;
  __device__ void operator()(int i) const {
    const int c = i / pixels % channels;
    y[i] = gamma[c] * (x[i] - mean[c]) / sqrtf(variance[c] + epsilon) + beta[c];
  }
};
void batch_norm2d_forward_evaluate(View<const float> x, View<const float> gamma, View<const float> beta, View<const float> mean,
                                   View<const float> variance, double epsilon, View<float> y) {
  cpu::check_shape("cuda::batch_norm2d_forward_evaluate", "y", y.shape, x.shape);
  for (const View<const float>& each : {gamma, beta, mean, variance})
    cpu::check_per_channel("cuda::batch_norm2d_forward_evaluate", "gamma, beta, mean or variance", each.shape, x.shape.c);
  for_each_element("batch_norm2d_forward_evaluate", x.count(),
                   Evaluate{x.shape.c, x.shape.h * x.shape.w, static_cast<float>(epsilon), x.data, gamma.data, beta.data, mean.data,
                            variance.data, y.data});
}

/// gradient_sums: [sum of dy | sum of dy xhat]. A block for each channel.
__global__ void __launch_bounds__(kNormThreads) batch_norm2d_backward_sums_kernel(NormSize size, const float* dy, const float* x,
                                                                                  const double* sums, double* gradient_sums) {
  __shared__ double of_dy[kNormThreads / 32];
  __shared__ double of_dy_xhat[kNormThreads / 32];
  const int c = static_cast<int>(blockIdx.x);
  const ChannelNorm norm = channel_norm(sums, size.c, c, size.epsilon);
  double sum = 0;
  double sum_xhat = 0;
  for (int n = 0; n < size.n; ++n)
    for (int pixel = static_cast<int>(threadIdx.x); pixel < size.pixels; pixel += kNormThreads) {
      const int at = (n * size.c + c) * size.pixels + pixel;
      const double gradient = static_cast<double>(dy[at]);
      sum += gradient;
      sum_xhat += gradient * (static_cast<double>(x[at]) - norm.mean) * norm.inverse_deviation;
    }
  sum = block_sum<kNormThreads>(sum, of_dy);
  sum_xhat = block_sum<kNormThreads>(sum_xhat, of_dy_xhat);
  if (threadIdx.x != 0) return;
  gradient_sums[c] = sum;
  gradient_sums[size.c + c] = sum_xhat;
}
void batch_norm2d_backward_statistics(View<const float> dy, View<const float> x, std::span<const double> sums, double epsilon,
                                      std::span<double> gradient_sums) {
  cpu::check_shape("cuda::batch_norm2d_backward_statistics", "dy", dy.shape, x.shape);
  cpu::check_sums("cuda::batch_norm2d_backward_statistics", sums.size(), sums_of(x.shape));
  cpu::check_sums("cuda::batch_norm2d_backward_statistics", gradient_sums.size(), sums_of(x.shape) - 1);
  if (x.count() == 0) return fill(gradient_sums.data(), 0, static_cast<std::int64_t>(gradient_sums.size_bytes()));
  launch("batch_norm2d_backward_statistics", dim3{static_cast<unsigned>(x.shape.c), 1, 1}, dim3{kNormThreads, 1, 1},
         batch_norm2d_backward_sums_kernel, norm_size(x.shape, epsilon, "batch_norm2d_backward_statistics"), dy.data, x.data, sums.data(),
         gradient_sums.data());
}

struct AddGradientSums {
  int channels;
  const double* sums;
  float* dgamma;
  float* dbeta;
  __device__ void operator()(int c) const {
    dgamma[c] += static_cast<float>(sums[channels + c]);
    dbeta[c] += static_cast<float>(sums[c]);
  }
};
void batch_norm2d_backward_weights(std::span<const double> gradient_sums, View<float> dgamma, View<float> dbeta) {
  cpu::check_per_channel("cuda::batch_norm2d_backward_weights", "dbeta", dbeta.shape, dgamma.shape.c);
  cpu::check_sums("cuda::batch_norm2d_backward_weights", gradient_sums.size(), sums_of(dgamma.shape) - 1);
  for_each_element("batch_norm2d_backward_weights", dgamma.shape.c,
                   AddGradientSums{dgamma.shape.c, gradient_sums.data(), dgamma.data, dbeta.data});
}

struct NormBackward {
  NormSize size;
  const float *dy, *x, *gamma;
  const double *sums, *gradient_sums;
  float* dx;
  __device__ void operator()(int i) const {
    const int c = i / size.pixels % size.c;
    const double count = sums[2 * size.c];
    const ChannelNorm norm = channel_norm(sums, size.c, c, size.epsilon);
    const double scale = static_cast<double>(gamma[c]) * norm.inverse_deviation;
    const double slope = gradient_sums[size.c + c] / count * norm.inverse_deviation;
    dx[i] = static_cast<float>(scale * (static_cast<double>(dy[i]) - gradient_sums[c] / count -
                                        (static_cast<double>(x[i]) - norm.mean) * slope));
  }
};
void batch_norm2d_backward_input(View<const float> dy, View<const float> x, View<const float> gamma, std::span<const double> sums,
                                 std::span<const double> gradient_sums, double epsilon, View<float> dx) {
  cpu::check_shape("cuda::batch_norm2d_backward_input", "dy", dy.shape, x.shape);
  cpu::check_shape("cuda::batch_norm2d_backward_input", "dx", dx.shape, x.shape);
  cpu::check_per_channel("cuda::batch_norm2d_backward_input", "gamma", gamma.shape, x.shape.c);
  cpu::check_sums("cuda::batch_norm2d_backward_input", sums.size(), sums_of(x.shape));
  cpu::check_sums("cuda::batch_norm2d_backward_input", gradient_sums.size(), sums_of(x.shape) - 1);
  for_each_element("batch_norm2d_backward_input", x.count(),
                   NormBackward{norm_size(x.shape, epsilon, "batch_norm2d_backward_input"), dy.data, x.data, gamma.data, sums.data(),
                                gradient_sums.data(), dx.data});
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
