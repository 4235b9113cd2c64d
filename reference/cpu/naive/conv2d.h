/// The convolution as its formula says, in plain loops. This is the definition that every other version is compared to; it is
/// never made faster. T: float, double, or a number that counts.
#pragma once

#include "reference/core/tensor.h"
#include "reference/cpu/checks.h"

namespace convoy::cpu::naive {

/// Where the channels begin that filter k sees: those of its group, when C channels and K filters are divided into groups.
inline int first_channel_of(int k, const Shape& x, const Shape& w) { return k / (w.n / groups_of(x, w)) * w.c; }

/// y[n,k,p,q] = b[k] + sum over c,r,s of w[k,c,r,s] x[n, first + c, h, v]
/// with h = p*stride_h + r*dilation_h - padding_h and v = q*stride_w + s*dilation_w - padding_w
/// x: [N,C,H,W]   w: [K,C/groups,R,S]   b: [1,K,1,1] or no data   y: [N,K,P,Q], overwritten. Outside x counts as zero.
/// first is first_channel_of(k); without groups it is 0.
template <class T>
void conv2d_forward(View<const T> x, View<const T> w, View<const T> b, View<T> y, const Window& window) {
  check_conv2d("naive::conv2d_forward", x.shape, w.shape, y.shape, window);
  check_bias("naive::conv2d_forward", "b", b, w.shape.n);
  for (int n = 0; n < y.shape.n; ++n) {
    for (int k = 0; k < y.shape.c; ++k) {
      const int first = first_channel_of(k, x.shape, w.shape);
      for (int p = 0; p < y.shape.h; ++p) {
        for (int q = 0; q < y.shape.w; ++q) {
          T sum{};
          for (int c = 0; c < w.shape.c; ++c) {
            for (int r = 0; r < w.shape.h; ++r) {
              const int h = p * window.stride_h + r * window.dilation_h - window.padding_h;
              if (h < 0 || h >= x.shape.h) continue;
              for (int s = 0; s < w.shape.w; ++s) {
                const int v = q * window.stride_w + s * window.dilation_w - window.padding_w;
                if (v >= 0 && v < x.shape.w) sum += w(k, c, r, s) * x(n, first + c, h, v);
              }
            }
          }
          if (b.data != nullptr) sum += b.data[k];
          y(n, k, p, q) = sum;
        }
      }
    }
  }
}

/// dx[n,first+c,h,v] = sum of dy[n,k,p,q] w[k,c,r,s] over all k,p,q,r,s whose window element (r,s) lies on (h,v)
/// dy: [N,K,P,Q]   w: [K,C/groups,R,S]   dx: [N,C,H,W], overwritten.
template <class T>
void conv2d_backward_input(View<const T> dy, View<const T> w, View<T> dx, const Window& window) {
  check_conv2d("naive::conv2d_backward_input", dx.shape, w.shape, dy.shape, window);
  std::fill_n(dx.data, dx.count(), T{});
  for (int n = 0; n < dy.shape.n; ++n) {
    for (int k = 0; k < dy.shape.c; ++k) {
      const int first = first_channel_of(k, dx.shape, w.shape);
      for (int p = 0; p < dy.shape.h; ++p) {
        for (int q = 0; q < dy.shape.w; ++q) {
          for (int c = 0; c < w.shape.c; ++c) {
            for (int r = 0; r < w.shape.h; ++r) {
              const int h = p * window.stride_h + r * window.dilation_h - window.padding_h;
              if (h < 0 || h >= dx.shape.h) continue;
              for (int s = 0; s < w.shape.w; ++s) {
                const int v = q * window.stride_w + s * window.dilation_w - window.padding_w;
                if (v >= 0 && v < dx.shape.w) dx(n, first + c, h, v) += dy(n, k, p, q) * w(k, c, r, s);
              }
            }
          }
        }
      }
    }
  }
}

/// dw[k,c,r,s] += sum over n,p,q of dy[n,k,p,q] x[n, first + c, h, v], with h and v as in forward
/// db[k] += sum over n,p,q of dy[n,k,p,q]
/// dy: [N,K,P,Q]   x: [N,C,H,W]   dw: [K,C/groups,R,S]   db: [1,K,1,1] or no data; both accumulated.
template <class T>
void conv2d_backward_weights(View<const T> dy, View<const T> x, View<T> dw, View<T> db, const Window& window) {
  check_conv2d("naive::conv2d_backward_weights", x.shape, dw.shape, dy.shape, window);
  check_bias("naive::conv2d_backward_weights", "db", db, dw.shape.n);
  for (int n = 0; n < dy.shape.n; ++n) {
    for (int k = 0; k < dy.shape.c; ++k) {
      const int first = first_channel_of(k, x.shape, dw.shape);
      for (int p = 0; p < dy.shape.h; ++p) {
        for (int q = 0; q < dy.shape.w; ++q) {
          for (int c = 0; c < dw.shape.c; ++c) {
            for (int r = 0; r < dw.shape.h; ++r) {
              const int h = p * window.stride_h + r * window.dilation_h - window.padding_h;
              if (h < 0 || h >= x.shape.h) continue;
              for (int s = 0; s < dw.shape.w; ++s) {
                const int v = q * window.stride_w + s * window.dilation_w - window.padding_w;
                if (v >= 0 && v < x.shape.w) dw(k, c, r, s) += dy(n, k, p, q) * x(n, first + c, h, v);
              }
            }
          }
          if (db.data != nullptr) db.data[k] += dy(n, k, p, q);
        }
      }
    }
  }
}

}  // namespace convoy::cpu::naive
