#include <algorithm>

#include "reference/cpu/checks.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/matrix.h"
#include "reference/cpu/parallel.h"
#include "reference/cpu/scratch.h"

// The sum of a window is the sum along a row of the sums along columns: whole rows at a time, and kernel_h + kernel_w additions,
// not their product. Backward goes the other way: what an output row passes on is the same in all rows that it covers.

namespace convoy::cpu {
namespace {

std::int64_t plane_grain(std::int64_t pixels) { return kElementGrain / 4 / std::max<std::int64_t>(pixels, 1) + 1; }

void forward_plane(const float* x, std::int64_t width, float* y, std::span<const PoolSpan> rows,
                   std::span<const PoolSpan> columns) {
  float* sums = scratch(Slot::padded_image, width);  // of the rows that one output row covers, by column
  for (const PoolSpan& row : rows) {
    std::fill_n(sums, width, 0.0F);
    for (std::int64_t h = row.begin; h < row.end; ++h) RowMap(sums, width) += ConstRowMap(x + h * width, width);
    for (const PoolSpan& column : columns) {
      float sum = 0;
      for (int w = column.begin; w < column.end; ++w) sum += sums[w];
      *y++ = sum / (static_cast<float>(row.count) * static_cast<float>(column.count));
    }
  }
}

/// dx holds zeros before.
void backward_plane(const float* dy, float* dx, std::int64_t width, std::span<const PoolSpan> rows,
                    std::span<const PoolSpan> columns) {
  float* shares = scratch(Slot::padded_image, width);  // what one output row passes on, by column
  for (const PoolSpan& row : rows) {
    std::fill_n(shares, width, 0.0F);
    for (const PoolSpan& column : columns) {
      const float share = *dy++ / (static_cast<float>(row.count) * static_cast<float>(column.count));
      for (int w = column.begin; w < column.end; ++w) shares[w] += share;
    }
    for (std::int64_t h = row.begin; h < row.end; ++h) RowMap(dx + h * width, width) += ConstRowMap(shares, width);
  }
}

}  // namespace

void avg_pool2d_forward(View<const float> x, View<float> y, std::span<const PoolSpan> rows, std::span<const PoolSpan> columns) {
  check_avg_pool2d("avg_pool2d_forward", x.shape, y.shape, rows, columns);
  const std::int64_t in = std::int64_t{x.shape.h} * x.shape.w;
  const std::int64_t out = std::int64_t{y.shape.h} * y.shape.w;
  parallel_slices(std::int64_t{x.shape.n} * x.shape.c, plane_grain(in), [&](Slice planes) {
    for (std::int64_t i = planes.offset; i < planes.end(); ++i)
      forward_plane(x.data + i * in, x.shape.w, y.data + i * out, rows, columns);
  });
}

void avg_pool2d_backward_input(View<const float> dy, View<float> dx, std::span<const PoolSpan> rows,
                               std::span<const PoolSpan> columns) {
  check_avg_pool2d("avg_pool2d_backward_input", dx.shape, dy.shape, rows, columns);
  const std::int64_t in = std::int64_t{dx.shape.h} * dx.shape.w;
  const std::int64_t out = std::int64_t{dy.shape.h} * dy.shape.w;
  parallel_slices(std::int64_t{dx.shape.n} * dx.shape.c, plane_grain(in), [&](Slice planes) {
    for (std::int64_t i = planes.offset; i < planes.end(); ++i) {
      std::fill_n(dx.data + i * in, in, 0.0F);
      backward_plane(dy.data + i * out, dx.data + i * in, dx.shape.w, rows, columns);
    }
  });
}

}  // namespace convoy::cpu
