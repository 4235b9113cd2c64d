#include <algorithm>
#include <limits>

#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/kernels.h"
#include "reference/cpu/blocked/vector.h"

namespace convoy::cpu::blocked {
namespace {

/// The part of a window's rows, or columns, that lies in the image: element i of the window is x's `first + i * step`.
struct Reach {
  int begin = 0, end = 0;  ///< elements of the window
  int first = 0;           ///< row of x of element 0
};

Reach reach(int output, int stride, int padding, int kernel, int extent) {
  const int first = output * stride - padding;
  return {std::max(0, -first), std::min(kernel, extent - first), first};
}

/// Whether windows are 2 x 2 side by side and inside the image: every x belongs to one of them, or to none at the end.
bool side_by_side(const Window& window, const Shape& x, const Shape& y) {
  return window.kernel_h == 2 && window.kernel_w == 2 && window.stride_h == 2 && window.stride_w == 2 && window.padding_h == 0 &&
         window.padding_w == 0 && 2 * y.h <= x.h && 2 * y.w <= x.w;
}

CONVOY_INLINE void keep_larger(Vec& best, const Vec& v) {
  best = v > best ? v : best;
  best = v != v ? v : best;
}

void forward_2x2(const float* x, std::int64_t row, float* y, int p, int q) {
  for (int i = 0; i < p; ++i) {
    const float* upper = x + 2 * i * row;
    const float* lower = upper + row;
    for (int j = 0; j < q; ++j, upper += 2 * kBlock, lower += 2 * kBlock, y += kBlock) {
      Vec best = as_vec(upper);
      keep_larger(best, as_vec(upper + kBlock));
      keep_larger(best, as_vec(lower));
      keep_larger(best, as_vec(lower + kBlock));
      as_vec(y) = best;
    }
  }
}

/// The gradient of one plane, h x w, whose output is p x q.
void backward_2x2(const float* dy, const float* x, float* dx, const Shape& image, int p, int q) {
  const std::int64_t row = std::int64_t{image.w} * kBlock;
  for (int i = 0; i < p; ++i) {
    const float* upper = x + 2 * i * row;
    const float* lower = upper + row;
    float* d_upper = dx + 2 * i * row;
    float* d_lower = d_upper + row;
    for (int j = 0; j < q; ++j, dy += kBlock) {
      const std::int64_t at = std::int64_t{2} * j * kBlock;
      const Vec a = as_vec(upper + at), b = as_vec(upper + at + kBlock);
      const Vec c = as_vec(lower + at), d = as_vec(lower + at + kBlock);
      const Vec ab = a >= b ? a : b;
      const Vec cd = c >= d ? c : d;
      const Vec g = as_vec(dy);
      const Vec above = ab >= cd ? g : Vec{};
      const Vec below = ab >= cd ? Vec{} : g;
      as_vec(d_upper + at) = a >= b ? above : Vec{};
      as_vec(d_upper + at + kBlock) = a >= b ? Vec{} : above;
      as_vec(d_lower + at) = c >= d ? below : Vec{};
      as_vec(d_lower + at + kBlock) = c >= d ? Vec{} : below;
    }
    const std::int64_t rest = row - std::int64_t{2} * q * kBlock;
    std::fill_n(d_upper + row - rest, rest, 0.0F);
    std::fill_n(d_lower + row - rest, rest, 0.0F);
  }
  std::fill_n(dx + std::int64_t{2} * p * row, (image.h - 2 * p) * row, 0.0F);
}

}  // namespace

void max_pool2d_forward(BlockedView<const float> x, BlockedView<float> y, const Window& window) {
  check_max_pool2d("blocked::max_pool2d_forward", x.shape, y.shape, window);
  const bool usual = side_by_side(window, x.shape, y.shape);
  for_each_plane(y.shape, [&](std::int64_t plane, int) {
    const float* image = x.data + plane * x.plane();
    float* out = y.data + plane * y.plane();
    if (usual) return forward_2x2(image, x.row(), out, y.shape.h, y.shape.w);
    for (int p = 0; p < y.shape.h; ++p) {
      const Reach rows = reach(p, window.stride_h, window.padding_h, window.kernel_h, x.shape.h);
      for (int q = 0; q < y.shape.w; ++q, out += kBlock) {
        const Reach columns = reach(q, window.stride_w, window.padding_w, window.kernel_w, x.shape.w);
        Vec best = Vec{} - std::numeric_limits<float>::infinity();
        for (int r = rows.begin; r < rows.end; ++r) {
          for (int s = columns.begin; s < columns.end; ++s) {
            const Vec v = as_vec(image + (rows.first + r) * x.row() + std::int64_t{columns.first + s} * kBlock);
            best = (v > best) | (v != v) ? v : best;
          }
        }
        as_vec(out) = best;
      }
    }
  });
}

void max_pool2d_backward_input(BlockedView<const float> dy, BlockedView<const float> x, BlockedView<float> dx,
                               const Window& window) {
  check_max_pool2d("blocked::max_pool2d_backward_input", x.shape, dy.shape, window);
  check_shape("blocked::max_pool2d_backward_input", "dx", dx.shape, x.shape);
  const bool usual = side_by_side(window, x.shape, dy.shape);
  for_each_plane(x.shape, [&](std::int64_t plane, int) {
    const float* image = x.data + plane * x.plane();
    const float* gradient = dy.data + plane * dy.plane();
    float* result = dx.data + plane * dx.plane();
    if (usual) return backward_2x2(gradient, image, result, x.shape, dy.shape.h, dy.shape.w);
    std::fill_n(result, dx.plane(), 0.0F);
    for (int p = 0; p < dy.shape.h; ++p) {
      const Reach rows = reach(p, window.stride_h, window.padding_h, window.kernel_h, x.shape.h);
      for (int q = 0; q < dy.shape.w; ++q, gradient += kBlock) {
        const Reach columns = reach(q, window.stride_w, window.padding_w, window.kernel_w, x.shape.w);
        const std::int64_t origin = rows.first * x.row() + std::int64_t{columns.first} * kBlock;
        if (rows.begin >= rows.end || columns.begin >= columns.end) continue;
        Vec best = as_vec(image + origin + rows.begin * x.row() + std::int64_t{columns.begin} * kBlock);
        Mask where = Mask{} + (rows.begin * window.kernel_w + columns.begin);  // element that is the largest, by lane
        for (int r = rows.begin; r < rows.end; ++r) {
          for (int s = columns.begin; s < columns.end; ++s) {
            const Vec v = as_vec(image + origin + r * x.row() + std::int64_t{s} * kBlock);
            where = v > best ? Mask{} + (r * window.kernel_w + s) : where;
            best = v > best ? v : best;
          }
        }
        const Vec g = as_vec(gradient);
        for (int r = rows.begin; r < rows.end; ++r) {
          for (int s = columns.begin; s < columns.end; ++s) {
            Vec& target = as_vec(result + origin + r * x.row() + std::int64_t{s} * kBlock);
            target += where == r * window.kernel_w + s ? g : Vec{};
          }
        }
      }
    }
  });
}

void avg_pool2d_forward(BlockedView<const float> x, BlockedView<float> y, std::span<const PoolSpan> rows,
                        std::span<const PoolSpan> columns) {
  check_avg_pool2d("blocked::avg_pool2d_forward", x.shape, y.shape, rows, columns);
  for_each_plane(y.shape, [&](std::int64_t plane, int) {
    const float* image = x.data + plane * x.plane();
    float* out = y.data + plane * y.plane();
    for (const PoolSpan& row : rows) {
      for (const PoolSpan& column : columns) {
        Vec total{};
        for (int h = row.begin; h < row.end; ++h)
          for (int w = column.begin; w < column.end; ++w) total += as_vec(image + h * x.row() + std::int64_t{w} * kBlock);
        as_vec(out) = total / (static_cast<float>(row.count) * static_cast<float>(column.count));
        out += kBlock;
      }
    }
  });
}

void avg_pool2d_backward_input(BlockedView<const float> dy, BlockedView<float> dx, std::span<const PoolSpan> rows,
                               std::span<const PoolSpan> columns) {
  check_avg_pool2d("blocked::avg_pool2d_backward_input", dx.shape, dy.shape, rows, columns);
  for_each_plane(dx.shape, [&](std::int64_t plane, int) {
    const float* gradient = dy.data + plane * dy.plane();
    float* result = dx.data + plane * dx.plane();
    std::fill_n(result, dx.plane(), 0.0F);
    for (const PoolSpan& row : rows) {
      for (const PoolSpan& column : columns) {
        const Vec share = as_vec(gradient) / (static_cast<float>(row.count) * static_cast<float>(column.count));
        for (int h = row.begin; h < row.end; ++h)
          for (int w = column.begin; w < column.end; ++w) as_vec(result + h * dx.row() + std::int64_t{w} * kBlock) += share;
        gradient += kBlock;
      }
    }
  });
}

void global_avg_pool2d_forward(BlockedView<const float> x, BlockedView<float> y, double count) {
  check_global_avg_pool2d("blocked::global_avg_pool2d_forward", x.shape, y.shape, count);
  const auto factor = static_cast<float>(1 / count);
  for_each_plane(x.shape, [&](std::int64_t plane, int) {
    const float* image = x.data + plane * x.plane();
    Vec total{};
    for (std::int64_t row = 0; row < x.plane(); row += x.row()) {  // sums of rows first: fewer roundings
      Vec part{};
      for (std::int64_t i = row; i < row + x.row(); i += kBlock) part += as_vec(image + i);
      total += part;
    }
    as_vec(y.data + plane * kBlock) = total * factor;
  });
}

void global_avg_pool2d_backward_input(BlockedView<const float> dy, BlockedView<float> dx, double count) {
  check_global_avg_pool2d("blocked::global_avg_pool2d_backward_input", dx.shape, dy.shape, count);
  const auto factor = static_cast<float>(1 / count);
  for_each_plane(dx.shape, [&](std::int64_t plane, int) {
    const Vec v = as_vec(dy.data + plane * kBlock) * factor;
    float* image = dx.data + plane * dx.plane();
    for (std::int64_t i = 0; i < dx.plane(); i += kBlock) as_vec(image + i) = v;
  });
}

}  // namespace convoy::cpu::blocked
