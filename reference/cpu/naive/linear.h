/// The fully connected layer in plain loops. Samples of any [C,H,W] are taken as vectors of C*H*W.
#pragma once

#include "reference/core/tensor.h"
#include "reference/cpu/checks.h"

namespace convoy::cpu::naive {

/// y[n,k] = b[k] + sum over i of w[k,i] x[n,i]
/// x: [N,C,H,W]   w: [K,C*H*W,1,1]   b: [1,K,1,1] or no data   y: [N,K,1,1], overwritten.
template <class T>
void linear_forward(View<const T> x, View<const T> w, View<const T> b, View<T> y) {
  check_linear("naive::linear_forward", x.shape, w.shape, y.shape);
  check_bias("naive::linear_forward", "b", b, w.shape.n);
  const std::int64_t in = x.shape.sample_count();
  const std::int64_t out = w.shape.n;
  for (std::int64_t n = 0; n < x.shape.n; ++n) {
    for (std::int64_t k = 0; k < out; ++k) {
      T sum{};
      for (std::int64_t i = 0; i < in; ++i) sum += w.data[k * in + i] * x.data[n * in + i];
      if (b.data != nullptr) sum += b.data[k];
      y.data[n * out + k] = sum;
    }
  }
}

/// dx[n,i] = sum over k of dy[n,k] w[k,i]
/// dy: [N,K,1,1]   w: [K,C*H*W,1,1]   dx: [N,C,H,W], overwritten.
template <class T>
void linear_backward_input(View<const T> dy, View<const T> w, View<T> dx) {
  check_linear("naive::linear_backward_input", dx.shape, w.shape, dy.shape);
  const std::int64_t in = dx.shape.sample_count();
  const std::int64_t out = w.shape.n;
  for (std::int64_t n = 0; n < dx.shape.n; ++n) {
    for (std::int64_t i = 0; i < in; ++i) {
      T sum{};
      for (std::int64_t k = 0; k < out; ++k) sum += dy.data[n * out + k] * w.data[k * in + i];
      dx.data[n * in + i] = sum;
    }
  }
}

/// dw[k,i] += sum over n of dy[n,k] x[n,i];   db[k] += sum over n of dy[n,k]
/// dy: [N,K,1,1]   x: [N,C,H,W]   dw: [K,C*H*W,1,1]   db: [1,K,1,1] or no data; both accumulated.
template <class T>
void linear_backward_weights(View<const T> dy, View<const T> x, View<T> dw, View<T> db) {
  check_linear("naive::linear_backward_weights", x.shape, dw.shape, dy.shape);
  check_bias("naive::linear_backward_weights", "db", db, dw.shape.n);
  const std::int64_t in = x.shape.sample_count();
  const std::int64_t out = dw.shape.n;
  for (std::int64_t n = 0; n < x.shape.n; ++n) {
    for (std::int64_t k = 0; k < out; ++k) {
      for (std::int64_t i = 0; i < in; ++i) dw.data[k * in + i] += dy.data[n * out + k] * x.data[n * in + i];
      if (db.data != nullptr) db.data[k] += dy.data[n * out + k];
    }
  }
}

}  // namespace convoy::cpu::naive
