/// What the rungs of batch normalisation normalise: y = (x - mean) / sqrt(variance + epsilon) by channel. x, y: [N,C,H,W], y overwritten.
/// 4 N C H W FLOPs or so; x is read twice, for the sums and for y, and y written: 12 bytes a value. Memory is the limit.
#pragma once

#include "reference/cuda/ladder/promise.h"
#include "reference/cuda/platform.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

using ladder::kLanes;
using ladder::Promise;

struct NormSize {
  int n = 0, c = 0, pixels = 0;  ///< pixels: H W
  double epsilon = 1e-5;
};

/// sums: [sum of x | sum of x^2 | values a channel], as in reference/cpu. Mean and 1 / sqrt(variance + epsilon) of a channel.
struct ChannelNorm {
  double mean, inverse_deviation;
};
__device__ inline ChannelNorm channel_norm(const double* sums, int channels, int c, double epsilon) {
  const double count = sums[2 * channels];
  const double mean = sums[c] / count;
  const double variance = sums[channels + c] / count - mean * mean;
  return {mean, 1.0 / sqrt((variance > 0 ? variance : 0.0) + epsilon)};
}

/// y = scale x + shift with gamma and beta, null standing for 1 and 0; the last step of every rung.
__global__ void batch_norm2d_apply_kernel(NormSize size, const float* x, const float* gamma, const float* beta, const double* sums, float* y) {
  const int c = static_cast<int>(blockIdx.y);
  const int n = static_cast<int>(blockIdx.z);
  const int pixel = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (pixel >= size.pixels) return;
  const ChannelNorm norm = channel_norm(sums, size.c, c, size.epsilon);
  const double scale = norm.inverse_deviation * (gamma != nullptr ? static_cast<double>(gamma[c]) : 1.0);
  const double shift = (beta != nullptr ? static_cast<double>(beta[c]) : 0.0) - norm.mean * scale;
  const int at = (n * size.c + c) * size.pixels + pixel;
  y[at] = static_cast<float>(scale * static_cast<double>(x[at]) + shift);
}

inline void batch_norm2d_apply(const NormSize& size, const float* x, const float* gamma, const float* beta, const double* sums, float* y) {
  launch("batch_norm2d_forward", dim3{blocks_for(size.pixels, 256), static_cast<unsigned>(size.c), static_cast<unsigned>(size.n)},
         dim3{256, 1, 1}, batch_norm2d_apply_kernel, size, x, gamma, beta, sums, y);
}

/// Of that step without gamma and beta, for H W a multiple of 256: 3 doubles of sums, 128 bytes of x and of y for every warp.
inline Promise apply_promise(const NormSize& size) {
  const std::int64_t warps = std::int64_t{size.n} * size.c * size.pixels / kLanes;
  return {.load_transactions = warps * (3 + 4), .store_transactions = warps * 4};
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
