#include <bit>
#include <limits>

#include "reference/cpu/checks.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/parallel.h"
#include "reference/cpu/scratch.h"

namespace convoy::cpu {
namespace {

/// The larger of two, the first when they are equal, and NaN when either is.
inline float larger(float a, float b) { return (b > a) | (b != b) ? b : a; }

/// The value or 0, by masking its bits: where the maximum lies is as good as random, and a branch would be mispredicted.
inline float keep_if(bool condition, float value) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) & (0U - static_cast<std::uint32_t>(condition)));
}

/// One plane: the H x W values of one channel of one image.
struct Plane {
  int h = 0, w = 0;  ///< input
  int p = 0, q = 0;  ///< output
};

/// y[q] = largest of m[q*stride .. q*stride + kernel). A stride known to the compiler makes vector code; 0: `stride` says it.
template <int kStride>
void max_along_row(const float* m, int kernel, int stride, float* y, int count) {
  const std::int64_t step = kStride > 0 ? kStride : stride;
  for (int q = 0; q < count; ++q) y[q] = m[q * step];
  for (int s = 1; s < kernel; ++s)
    for (int q = 0; q < count; ++q) y[q] = larger(y[q], m[q * step + s]);
}

void max_along_row(const float* m, const Window& window, float* y, int count) {
  switch (window.stride_w) {
    case 1: return max_along_row<1>(m, window.kernel_w, 1, y, count);
    case 2: return max_along_row<2>(m, window.kernel_w, 2, y, count);
    default: return max_along_row<0>(m, window.kernel_w, window.stride_w, y, count);
  }
}

/// The maximum of a window is the maximum along a row of the maxima along columns: kernel_h + kernel_w comparisons, not their
/// product, and whole rows at a time.
void forward_plane(const float* x, float* y, const Plane& plane, const Window& window) {
  // With ceil mode the last window may reach over the padding.
  const int padded_w = std::max(plane.w + 2 * window.padding_w, (plane.q - 1) * window.stride_w + window.kernel_w);
  float* columns = scratch(Slot::padded_image, padded_w);  // maxima of columns, -inf outside x
  std::fill_n(columns, padded_w, -std::numeric_limits<float>::infinity());
  float* inside = columns + window.padding_w;
  for (int p = 0; p < plane.p; ++p) {
    const int top = p * window.stride_h - window.padding_h;
    const int begin = std::max(top, 0);
    const int end = std::min(top + window.kernel_h, plane.h);
    std::copy_n(x + std::int64_t{begin} * plane.w, plane.w, inside);
    for (int h = begin + 1; h < end; ++h) {
      const float* row = x + std::int64_t{h} * plane.w;
      for (int w = 0; w < plane.w; ++w) inside[w] = larger(inside[w], row[w]);
    }
    max_along_row(columns, window, y + std::int64_t{p} * plane.q, plane.q);
  }
}

/// 2 x 2 windows side by side, the usual case: every dx belongs to one window, so there is nothing to add and no branch.
void backward_plane_2x2(const float* dy, const float* x, float* dx, const Plane& plane) {
  for (int p = 0; p < plane.p; ++p) {
    const float* upper = x + std::int64_t{2} * p * plane.w;
    const float* lower = upper + plane.w;
    float* d_upper = dx + std::int64_t{2} * p * plane.w;
    float* d_lower = d_upper + plane.w;
    const float* gradient = dy + std::int64_t{p} * plane.q;
    for (int q = 0; q < plane.q; ++q) {
      const float a = upper[2 * q], b = upper[2 * q + 1], c = lower[2 * q], d = lower[2 * q + 1];
      const bool above = std::max(a, b) >= std::max(c, d);
      const bool left_above = a >= b;
      const bool left_below = c >= d;
      d_upper[2 * q] = keep_if(above & left_above, gradient[q]);
      d_upper[2 * q + 1] = keep_if(above & !left_above, gradient[q]);
      d_lower[2 * q] = keep_if(!above & left_below, gradient[q]);
      d_lower[2 * q + 1] = keep_if(!above & !left_below, gradient[q]);
    }
  }
}

/// Any window: finds the first maximum of each and adds its dy there. dx holds zeros before.
void backward_plane(const float* dy, const float* x, float* dx, const Plane& plane, const Window& window) {
  for (int p = 0; p < plane.p; ++p) {
    const int h_begin = std::max(p * window.stride_h - window.padding_h, 0);
    const int h_end = std::min(p * window.stride_h - window.padding_h + window.kernel_h, plane.h);
    for (int q = 0; q < plane.q; ++q) {
      const int w_begin = std::max(q * window.stride_w - window.padding_w, 0);
      const int w_end = std::min(q * window.stride_w - window.padding_w + window.kernel_w, plane.w);
      std::int64_t best = std::int64_t{h_begin} * plane.w + w_begin;
      for (int h = h_begin; h < h_end; ++h) {
        for (int w = w_begin; w < w_end; ++w) {
          const std::int64_t here = std::int64_t{h} * plane.w + w;
          if (x[here] > x[best]) best = here;
        }
      }
      dx[best] += dy[std::int64_t{p} * plane.q + q];
    }
  }
}

std::int64_t plane_grain(const Plane& plane) {
  return kElementGrain / 4 / std::max<std::int64_t>(std::int64_t{plane.h} * plane.w, 1) + 1;
}

}  // namespace

void max_pool2d_forward(View<const float> x, View<float> y, const Window& window) {
  check_max_pool2d("max_pool2d_forward", x.shape, y.shape, window);
  const Plane plane{x.shape.h, x.shape.w, y.shape.h, y.shape.w};
  parallel_slices(std::int64_t{x.shape.n} * x.shape.c, plane_grain(plane), [&](Slice planes) {
    for (std::int64_t i = planes.offset; i < planes.end(); ++i)
      forward_plane(x.data + i * plane.h * plane.w, y.data + i * plane.p * plane.q, plane, window);
  });
}

void max_pool2d_backward_input(View<const float> dy, View<const float> x, View<float> dx, const Window& window) {
  check_max_pool2d("max_pool2d_backward_input", x.shape, dy.shape, window);
  check_shape("max_pool2d_backward_input", "dx", dx.shape, x.shape);
  const Plane plane{x.shape.h, x.shape.w, dy.shape.h, dy.shape.w};
  const bool inside = 2 * plane.p <= plane.h && 2 * plane.q <= plane.w;  // not so for a last window of ceil mode
  const bool usual = inside && (window == square_window(2, 2) || window == ceil_window(2, 2));
  parallel_slices(std::int64_t{x.shape.n} * x.shape.c, plane_grain(plane), [&](Slice planes) {
    for (std::int64_t i = planes.offset; i < planes.end(); ++i) {
      const std::int64_t in = i * plane.h * plane.w;
      const float* gradient = dy.data + i * plane.p * plane.q;
      std::fill_n(dx.data + in, std::int64_t{plane.h} * plane.w, 0.0F);
      if (usual)
        backward_plane_2x2(gradient, x.data + in, dx.data + in, plane);
      else
        backward_plane(gradient, x.data + in, dx.data + in, plane, window);
    }
  });
}

}  // namespace convoy::cpu
