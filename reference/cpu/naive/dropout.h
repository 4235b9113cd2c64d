/// Dropout in plain loops.
#pragma once

#include "reference/core/random.h"
#include "reference/core/tensor.h"
#include "reference/cpu/checks.h"
#include "reference/cpu/types.h"

namespace convoy::cpu::naive {

/// True when element (n, c, h, w) of the rank's tensor is dropped.
inline bool is_dropped(double probability, const DropoutKey& key, int n, int c, int h, int w) {
  return unit_interval(random_bits(key.seed, key.step, key.node, key.first_sample + n, key.first_channel + c, key.first_row + h,
                                   w)) < probability;
}

/// y[n,c,h,w] = 0 where dropped, else x[n,c,h,w] / (1 - probability). x, y: [N,C,H,W]; y overwritten.
template <class T>
void dropout_forward(View<const T> x, View<T> y, double probability, const DropoutKey& key) {
  check_dropout("naive::dropout_forward", probability);
  check_shape("naive::dropout_forward", "y", y.shape, x.shape);
  const T scale = static_cast<T>(1.0 / (1.0 - probability));
  for (int n = 0; n < x.shape.n; ++n)
    for (int c = 0; c < x.shape.c; ++c)
      for (int h = 0; h < x.shape.h; ++h)
        for (int w = 0; w < x.shape.w; ++w)
          y(n, c, h, w) = is_dropped(probability, key, n, c, h, w) ? T{} : x(n, c, h, w) * scale;
}

/// dx[n,c,h,w] = 0 where dropped, else dy[n,c,h,w] / (1 - probability): what forward does to x.
template <class T>
void dropout_backward_input(View<const T> dy, View<T> dx, double probability, const DropoutKey& key) {
  dropout_forward<T>(dy, dx, probability, key);
}

}  // namespace convoy::cpu::naive
