/// Poolings. Backward ones gather: a thread for each dx looks for the windows that hold it, so that nothing is added atomically.
#pragma once

#include "reference/cuda/ladder/max_pool2d/2_coalesced.cuh"
#include "reference/cuda/layers/common.cuh"
#include "reference/cuda/reduce.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

inline ConvSize max_pool_size(const Shape& x, const Shape& y, const Window& o, const char* op) {
  count_of_elements(x.count(), op);
  return {x.n, x.c, x.h, x.w, x.c, o.kernel_h, o.kernel_w, y.h, y.w, o.stride_h, o.stride_w, o.padding_h, o.padding_w};
}

void max_pool2d_forward(View<const float> x, View<float> y, const Window& window) {
  cpu::check_max_pool2d("cuda::max_pool2d_forward", x.shape, y.shape, window);
  max_pool2d_2_coalesced(max_pool_size(x.shape, y.shape, window, "max_pool2d_forward"), x.data, y.data);
}

/// The first window, in rows or in columns, that holds position `at` of x, and the first behind.
__device__ inline int first_window(int at, int padding, int kernel, int stride) {
  const int after = at + padding - kernel;  // where the window before the first one would have to begin, at most
  return after < 0 ? 0 : after / stride + 1;
}
__device__ inline int end_of_windows(int at, int padding, int stride, int windows) {
  if (at + padding < 0) return 0;
  const int end = (at + padding) / stride + 1;
  return end < windows ? end : windows;
}

struct MaxPoolBackward {
  ConvSize z;
  const float* dy;
  const float* x;
  float* dx;
  __device__ void operator()(int i) const {
    const int column = i % z.w, row = i / z.w % z.h, plane = i / z.w / z.h;
    const float* image = x + plane * z.h * z.w;
    const int p_end = end_of_windows(row, z.padding_h, z.stride_h, z.p);
    const int q_end = end_of_windows(column, z.padding_w, z.stride_w, z.q);
    float sum = 0;
    for (int p = first_window(row, z.padding_h, z.r, z.stride_h); p < p_end; ++p)
      for (int q = first_window(column, z.padding_w, z.s, z.stride_w); q < q_end; ++q)
        if (largest_of(z, image, p, q).place == row * z.w + column) sum += dy[(plane * z.p + p) * z.q + q];
    dx[i] = sum;
  }
};
void max_pool2d_backward_input(View<const float> dy, View<const float> x, View<float> dx, const Window& window) {
  cpu::check_max_pool2d("cuda::max_pool2d_backward_input", x.shape, dy.shape, window);
  cpu::check_shape("cuda::max_pool2d_backward_input", "dx", dx.shape, x.shape);
  const ConvSize size = max_pool_size(x.shape, dy.shape, window, "max_pool2d_backward_input");
  for_each_element("max_pool2d_backward_input", dx.count(), MaxPoolBackward{size, dy.data, x.data, dx.data});
}

struct AvgPoolForward {
  int h, w, p, q;
  const PoolSpan* rows;
  const PoolSpan* columns;
  const float* x;
  float* y;
  __device__ void operator()(int i) const {
    const PoolSpan row = rows[i / q % p];
    const PoolSpan column = columns[i % q];
    const float* image = x + i / q / p * h * w;
    float sum = 0;
    for (int r = row.begin; r < row.end; ++r)
      for (int s = column.begin; s < column.end; ++s) sum += image[r * w + s];
    y[i] = sum / static_cast<float>(static_cast<double>(row.count) * column.count);
  }
};
struct AvgPoolBackward {
  int h, w, p, q;
  const PoolSpan* rows;
  const PoolSpan* columns;
  const float* dy;
  float* dx;
  __device__ void operator()(int i) const {
    const int column = i % w, row = i / w % h, plane = i / w / h;
    float sum = 0;
    for (int r = 0; r < p; ++r) {
      const PoolSpan span = rows[r];
      if (row < span.begin || row >= span.end) continue;
      for (int s = 0; s < q; ++s) {
        const PoolSpan across = columns[s];
        if (column >= across.begin && column < across.end)
          sum += dy[(plane * p + r) * q + s] / static_cast<float>(static_cast<double>(span.count) * across.count);
      }
    }
    dx[i] = sum;
  }
};

/// The spans on the device.
struct SpansOnDevice {
  const PoolSpan* rows;
  const PoolSpan* columns;
};
inline SpansOnDevice spans_on_device(std::span<const PoolSpan> rows, std::span<const PoolSpan> columns) {
  Pieces pieces;
  const auto row_bytes = static_cast<std::int64_t>(rows.size_bytes());
  const auto column_bytes = static_cast<std::int64_t>(columns.size_bytes());
  const std::int64_t at_rows = pieces.add(row_bytes);
  const std::int64_t at_columns = pieces.add(column_bytes);
  pieces.make();
  upload(pieces.at<PoolSpan>(at_rows), rows.data(), row_bytes);
  upload(pieces.at<PoolSpan>(at_columns), columns.data(), column_bytes);
  return {pieces.at<PoolSpan>(at_rows), pieces.at<PoolSpan>(at_columns)};
}

void avg_pool2d_forward(View<const float> x, View<float> y, std::span<const PoolSpan> rows, std::span<const PoolSpan> columns) {
  cpu::check_avg_pool2d("cuda::avg_pool2d_forward", x.shape, y.shape, rows, columns);
  const SpansOnDevice spans = spans_on_device(rows, columns);
  for_each_element("avg_pool2d_forward", y.count(),
                   AvgPoolForward{x.shape.h, x.shape.w, y.shape.h, y.shape.w, spans.rows, spans.columns, x.data, y.data});
}

void avg_pool2d_backward_input(View<const float> dy, View<float> dx, std::span<const PoolSpan> rows, std::span<const PoolSpan> columns) {
  cpu::check_avg_pool2d("cuda::avg_pool2d_backward_input", dx.shape, dy.shape, rows, columns);
  const SpansOnDevice spans = spans_on_device(rows, columns);
  for_each_element("avg_pool2d_backward_input", dx.count(),
                   AvgPoolBackward{dx.shape.h, dx.shape.w, dy.shape.h, dy.shape.w, spans.rows, spans.columns, dy.data, dx.data});
}

/// A warp for each channel of each image; blocks of 4 warps.
__global__ void global_avg_pool2d_kernel(int planes, int pixels, float count, const float* x, float* y) {
  const int plane = static_cast<int>(blockIdx.x) * 4 + static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if (plane >= planes) return;
  float sum = 0;
  for (int i = lane; i < pixels; i += 32) sum += x[plane * pixels + i];
  sum = warp_sum(sum);
  if (lane == 0) y[plane] = sum / count;
}
void global_avg_pool2d_forward(View<const float> x, View<float> y, double count) {
  cpu::check_global_avg_pool2d("cuda::global_avg_pool2d_forward", x.shape, y.shape, count);
  count_of_elements(x.count(), "global_avg_pool2d_forward");
  launch("global_avg_pool2d_forward", dim3{blocks_for(y.count(), 4), 1, 1}, dim3{128, 1, 1}, global_avg_pool2d_kernel, y.count(),
         x.shape.h * x.shape.w, count, x.data, y.data);
}

struct GlobalAvgPoolBackward {
  int pixels;
  float count;
  const float* dy;
  float* dx;
  __device__ void operator()(int i) const { dx[i] = dy[i / pixels] / count; }
};
void global_avg_pool2d_backward_input(View<const float> dy, View<float> dx, double count) {
  cpu::check_global_avg_pool2d("cuda::global_avg_pool2d_backward_input", dx.shape, dy.shape, count);
  for_each_element("global_avg_pool2d_backward_input", dx.count(),
                   GlobalAvgPoolBackward{dx.shape.h * dx.shape.w, static_cast<float>(count), dy.data, dx.data});
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
