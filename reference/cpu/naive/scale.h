/// Channels scaled by another tensor, in plain loops.
#pragma once

#include "reference/core/tensor.h"
#include "reference/cpu/checks.h"

namespace convoy::cpu::naive {

/// y[n,c,h,w] = x[n,c,h,w] s[n,c]. x, y: [N,C,H,W], y overwritten   s: [N,C,1,1].
template <class T>
void scale_forward(View<const T> x, View<const T> s, View<T> y) {
  check_scale("naive::scale_forward", x.shape, s.shape);
  check_shape("naive::scale_forward", "y", y.shape, x.shape);
  for (int n = 0; n < x.shape.n; ++n)
    for (int c = 0; c < x.shape.c; ++c)
      for (int h = 0; h < x.shape.h; ++h)
        for (int w = 0; w < x.shape.w; ++w) y(n, c, h, w) = x(n, c, h, w) * s(n, c, 0, 0);
}

/// ds[n,c] = sum over h,w of dy[n,c,h,w] x[n,c,h,w], overwritten. dy, x: [N,C,H,W]   ds: [N,C,1,1].
template <class T>
void scale_backward_factor(View<const T> dy, View<const T> x, View<T> ds) {
  check_shape("naive::scale_backward_factor", "dy", dy.shape, x.shape);
  check_scale("naive::scale_backward_factor", x.shape, ds.shape);
  for (int n = 0; n < x.shape.n; ++n) {
    for (int c = 0; c < x.shape.c; ++c) {
      T sum{};
      for (int h = 0; h < x.shape.h; ++h)
        for (int w = 0; w < x.shape.w; ++w) sum += dy(n, c, h, w) * x(n, c, h, w);
      ds(n, c, 0, 0) = sum;
    }
  }
}

}  // namespace convoy::cpu::naive
