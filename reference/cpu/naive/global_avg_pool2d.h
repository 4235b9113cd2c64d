/// Global average pooling in plain loops.
#pragma once

#include "reference/core/tensor.h"
#include "reference/cpu/checks.h"

namespace convoy::cpu::naive {

/// y[n,c] = sum over h,w of x[n,c,h,w] / count. `count` is the number of pixels of the *whole* image; x may hold some rows of
/// it, and then the y of all parts add up to that of the whole. x: [N,C,H,W]   y: [N,C,1,1], overwritten.
template <class T>
void global_avg_pool2d_forward(View<const T> x, View<T> y, double count) {
  check_global_avg_pool2d("naive::global_avg_pool2d_forward", x.shape, y.shape, count);
  for (int n = 0; n < x.shape.n; ++n) {
    for (int c = 0; c < x.shape.c; ++c) {
      T sum{};
      for (int h = 0; h < x.shape.h; ++h)
        for (int w = 0; w < x.shape.w; ++w) sum += x(n, c, h, w);
      y(n, c, 0, 0) = sum / static_cast<T>(count);
    }
  }
}

/// dx[n,c,h,w] = dy[n,c] / count. dy: [N,C,1,1]   dx: [N,C,H,W], overwritten.
template <class T>
void global_avg_pool2d_backward_input(View<const T> dy, View<T> dx, double count) {
  check_global_avg_pool2d("naive::global_avg_pool2d_backward_input", dx.shape, dy.shape, count);
  for (int n = 0; n < dx.shape.n; ++n) {
    for (int c = 0; c < dx.shape.c; ++c) {
      const T share = dy(n, c, 0, 0) / static_cast<T>(count);
      for (int h = 0; h < dx.shape.h; ++h)
        for (int w = 0; w < dx.shape.w; ++w) dx(n, c, h, w) = share;
    }
  }
}

}  // namespace convoy::cpu::naive
