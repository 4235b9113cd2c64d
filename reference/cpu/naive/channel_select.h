/// Some channels of a tensor, in order or shuffled, in plain loops.
#pragma once

#include "reference/core/tensor.h"
#include "reference/cpu/checks.h"
#include "reference/model/layer.h"

namespace convoy::cpu::naive {

/// y[:,i] = x[:,select.source(i)]. x: [N,C,H,W]   y: [N,count,H,W], overwritten.
template <class T>
void channel_select_forward(View<const T> x, View<T> y, const ChannelSelect& select) {
  check_channel_select("naive::channel_select_forward", x.shape, y.shape, select);
  for (int n = 0; n < y.shape.n; ++n)
    for (int i = 0; i < y.shape.c; ++i)
      for (int h = 0; h < y.shape.h; ++h)
        for (int w = 0; w < y.shape.w; ++w) y(n, i, h, w) = x(n, select.source(i), h, w);
}

/// dx[:,select.source(i)] = dy[:,i], and 0 in the other channels, overwritten. dy: [N,count,H,W]   dx: [N,C,H,W].
template <class T>
void channel_select_backward_input(View<const T> dy, View<T> dx, const ChannelSelect& select) {
  check_channel_select("naive::channel_select_backward_input", dx.shape, dy.shape, select);
  for (std::int64_t i = 0; i < dx.count(); ++i) dx.data[i] = T{};
  for (int n = 0; n < dy.shape.n; ++n)
    for (int i = 0; i < dy.shape.c; ++i)
      for (int h = 0; h < dy.shape.h; ++h)
        for (int w = 0; w < dy.shape.w; ++w) dx(n, select.source(i), h, w) = dy(n, i, h, w);
}

}  // namespace convoy::cpu::naive
