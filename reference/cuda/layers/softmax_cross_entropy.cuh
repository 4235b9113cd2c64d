/// SoftmaxCrossEntropy: a warp for each sample, and one thread that adds up losses in order.
#pragma once

#include "reference/cuda/ladder/softmax/2_warp_a_row.cuh"
#include "reference/cuda/layers/common.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

/// y = softmax(x) of a row; losses[row] = -sum of target log y, correct[row] = 1 when the label has the first of the largest logits.
__global__ void softmax_cross_entropy_kernel(RowsSize size, const float* x, const int* labels, float smoothing, float* y, double* losses,
                                             int* correct) {
  const int row = static_cast<int>(blockIdx.x) * 4 + static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if (row >= size.rows) return;  // the whole warp
  const float* from = x + row * size.columns;
  const int label = labels[row];
  const float wanted = from[label];
  const RowSums sums = row_sums(from, size.columns, lane);
  float mean = 0;
  bool right = true;  // every comparison is false with a NaN, so a NaN is never right
  for (int c = lane; c < size.columns; c += 32) {
    const float value = from[c];
    mean += (value - sums.largest) / static_cast<float>(size.columns);
    right = right && (c < label ? value < wanted : value <= wanted);
    y[row * size.columns + c] = expf(value - sums.largest) / sums.sum;
  }
  mean = warp_sum(mean);
  const bool all_right = __all_sync(kAllLanes, right);
  if (lane != 0) return;
  losses[row] = static_cast<double>(logf(sums.sum) - ((1 - smoothing) * (wanted - sums.largest) + smoothing * mean));
  correct[row] = all_right ? 1 : 0;
}

/// What a step reports, on the device.
struct LossOnDevice {
  double loss_sum;
  int correct;
};
__global__ void add_losses_kernel(int rows, const double* losses, const int* correct, LossOnDevice* total) {
  LossOnDevice sum{0, 0};
  for (int row = 0; row < rows; ++row) {
    sum.loss_sum += losses[row];
    sum.correct += correct[row];
  }
  total->loss_sum = sum.loss_sum;
  total->correct = sum.correct;
}

cpu::Loss softmax_cross_entropy_forward(View<const float> x, std::span<const int> labels, View<float> y, const SoftmaxCrossEntropy& loss) {
  cpu::check_labels("cuda::softmax_cross_entropy_forward", x.shape, labels);
  cpu::check_shape("cuda::softmax_cross_entropy_forward", "y", y.shape, x.shape);
  if (x.shape.n == 0) return {};
  const RowsSize size{x.shape.n, x.shape.c};
  Pieces pieces;
  const std::int64_t at_labels = pieces.add(4 * size.rows), at_losses = pieces.add(8 * size.rows), at_correct = pieces.add(4 * size.rows),
                     at_total = pieces.add(sizeof(LossOnDevice));
  pieces.make();
  upload(pieces.at<int>(at_labels), labels.data(), 4 * size.rows);
  launch("softmax_cross_entropy_forward", dim3{blocks_for(size.rows, 4), 1, 1}, dim3{128, 1, 1}, softmax_cross_entropy_kernel, size, x.data,
         pieces.at<int>(at_labels), static_cast<float>(loss.label_smoothing), y.data, pieces.at<double>(at_losses), pieces.at<int>(at_correct));
  launch("softmax_cross_entropy_forward", dim3{1, 1, 1}, dim3{1, 1, 1}, add_losses_kernel, size.rows, pieces.at<double>(at_losses),
         pieces.at<int>(at_correct), pieces.at<LossOnDevice>(at_total));
  LossOnDevice total{};
  download(&total, pieces.at<LossOnDevice>(at_total), sizeof(total));
  return {loss.weight * total.loss_sum, total.correct};
}

struct SoftmaxBackward {
  int columns;
  double smoothing;
  float scale;
  const float* y;
  const int* labels;
  float* dx;
  __device__ void operator()(int i) const {
    const double one = i % columns == labels[i / columns] ? 1 - smoothing : 0.0;
    dx[i] = (y[i] - static_cast<float>(one + smoothing / columns)) * scale;
  }
};
void softmax_cross_entropy_backward_input(View<const float> y, std::span<const int> labels, View<float> dx,
                                          const SoftmaxCrossEntropy& loss, double scale) {
  cpu::check_labels("cuda::softmax_cross_entropy_backward_input", y.shape, labels);
  cpu::check_shape("cuda::softmax_cross_entropy_backward_input", "dx", dx.shape, y.shape);
  if (y.shape.n == 0) return;
  const auto bytes = static_cast<std::int64_t>(labels.size_bytes());
  auto* on_device = static_cast<int*>(scratch(bytes));
  upload(on_device, labels.data(), bytes);
  for_each_element("softmax_cross_entropy_backward_input", y.count(),
                   SoftmaxBackward{y.shape.c, loss.label_smoothing, static_cast<float>(loss.weight * scale), y.data, on_device, dx.data});
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
