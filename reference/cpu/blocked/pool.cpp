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

}  // namespace

void max_pool2d_forward(BlockedView<const float> x, BlockedView<float> y, const Window& window) {
  check_max_pool2d("blocked::max_pool2d_forward", x.shape, y.shape, window);
  for_each_plane(y.shape, [&](std::int64_t plane, int) {
    const float* image = x.data + plane * x.plane();
    float* out = y.data + plane * y.plane();
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
  for_each_plane(x.shape, [&](std::int64_t plane, int) {
    const float* image = x.data + plane * x.plane();
    const float* gradient = dy.data + plane * dy.plane();
    float* result = dx.data + plane * dx.plane();
    std::fill_n(result, dx.plane(), 0.0F);
    for (int p = 0; p < dy.shape.h; ++p) {
      const Reach rows = reach(p, window.stride_h, window.padding_h, window.kernel_h, x.shape.h);
      for (int q = 0; q < dy.shape.w; ++q, gradient += kBlock) {
        const Reach columns = reach(q, window.stride_w, window.padding_w, window.kernel_w, x.shape.w);
        const std::int64_t origin = rows.first * x.row() + std::int64_t{columns.first} * kBlock;
        Vec best = Vec{} - std::numeric_limits<float>::infinity();
        Mask where = Mask{} - 1;  // element of the window that is the largest, by lane
        for (int r = rows.begin; r < rows.end; ++r) {
          for (int s = columns.begin; s < columns.end; ++s) {
            const Vec v = as_vec(image + origin + r * x.row() + std::int64_t{s} * kBlock);
            const Mask larger = (v > best) | (where < 0);  // the first element counts even when it is -inf
            best = larger ? v : best;
            where = larger ? Mask{} + (r * window.kernel_w + s) : where;
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
