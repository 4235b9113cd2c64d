/// A bias on its own, for a layer whose output is added up over ranks first: the bias is added once, after that.
#pragma once

#include "reference/core/tensor.h"
#include "reference/cpu/checks.h"

namespace convoy::cpu::naive {

/// y[n,k,p,q] += b[k]. b: [1,K,1,1]   y: [N,K,P,Q], accumulated.
template <class T>
void add_bias(View<const T> b, View<T> y) {
  check_per_channel("naive::add_bias", "b", b.shape, y.shape.c);
  for (int n = 0; n < y.shape.n; ++n)
    for (int k = 0; k < y.shape.c; ++k)
      for (int p = 0; p < y.shape.h; ++p)
        for (int q = 0; q < y.shape.w; ++q) y(n, k, p, q) += b.data[k];
}

/// db[k] += sum over n,p,q of dy[n,k,p,q]. dy: [N,K,P,Q]   db: [1,K,1,1], accumulated.
template <class T>
void bias_backward(View<const T> dy, View<T> db) {
  check_per_channel("naive::bias_backward", "db", db.shape, dy.shape.c);
  for (int n = 0; n < dy.shape.n; ++n)
    for (int k = 0; k < dy.shape.c; ++k)
      for (int p = 0; p < dy.shape.h; ++p)
        for (int q = 0; q < dy.shape.w; ++q) db.data[k] += dy(n, k, p, q);
}

}  // namespace convoy::cpu::naive
