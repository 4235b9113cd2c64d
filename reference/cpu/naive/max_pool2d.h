/// Max pooling in plain loops.
#pragma once

#include <cmath>

#include "reference/core/tensor.h"
#include "reference/cpu/checks.h"

namespace convoy::cpu::naive {

/// Row and column of x.
struct Position {
  int h = 0;
  int w = 0;
};

/// Where the window of output (p, q) has its maximum: the first in row-major order of equal ones; a NaN is the largest of all.
template <class T>
Position find_max(View<const T> x, int n, int c, int p, int q, const Window& window) {
  using std::isnan;
  const int top = p * window.stride_h - window.padding_h;
  const int left = q * window.stride_w - window.padding_w;
  Position best{std::max(top, 0), std::max(left, 0)};
  for (int h = best.h, h_end = std::min(top + window.kernel_h, x.shape.h); h < h_end; ++h) {
    for (int w = std::max(left, 0), w_end = std::min(left + window.kernel_w, x.shape.w); w < w_end; ++w)
      if (x(n, c, h, w) > x(n, c, best.h, best.w) || isnan(x(n, c, h, w))) best = {h, w};
  }
  return best;
}

/// y[n,c,p,q] = largest x[n, c, p*stride_h + r - padding_h, q*stride_w + s - padding_w] over r,s inside x
/// x: [N,C,H,W]   y: [N,C,P,Q], overwritten.
template <class T>
void max_pool2d_forward(View<const T> x, View<T> y, const Window& window) {
  check_max_pool2d("naive::max_pool2d_forward", x.shape, y.shape, window);
  for (int n = 0; n < y.shape.n; ++n) {
    for (int c = 0; c < y.shape.c; ++c) {
      for (int p = 0; p < y.shape.h; ++p) {
        for (int q = 0; q < y.shape.w; ++q) {
          const Position best = find_max(x, n, c, p, q, window);
          y(n, c, p, q) = x(n, c, best.h, best.w);
        }
      }
    }
  }
}

/// dx[n,c,h,w] = sum of dy[n,c,p,q] over the windows (p,q) that have their maximum at (h,w)
/// dy: [N,C,P,Q]   x, dx: [N,C,H,W]; dx overwritten.
template <class T>
void max_pool2d_backward_input(View<const T> dy, View<const T> x, View<T> dx, const Window& window) {
  check_max_pool2d("naive::max_pool2d_backward_input", x.shape, dy.shape, window);
  check_shape("naive::max_pool2d_backward_input", "dx", dx.shape, x.shape);
  std::fill_n(dx.data, dx.count(), T{});
  for (int n = 0; n < dy.shape.n; ++n) {
    for (int c = 0; c < dy.shape.c; ++c) {
      for (int p = 0; p < dy.shape.h; ++p) {
        for (int q = 0; q < dy.shape.w; ++q) {
          const Position best = find_max(x, n, c, p, q, window);
          dx(n, c, best.h, best.w) += dy(n, c, p, q);
        }
      }
    }
  }
}

}  // namespace convoy::cpu::naive
