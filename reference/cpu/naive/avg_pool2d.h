/// Average pooling in plain loops. Which rows and columns an output pixel covers, and by how many it divides, are given: windows
/// with padding, with ceil mode, adaptive ones and parts of images differ in nothing else.
#pragma once

#include <span>

#include "reference/core/tensor.h"
#include "reference/cpu/checks.h"

namespace convoy::cpu::naive {

/// y[n,c,p,q] = sum of x[n,c,h,w] over h in rows[p] and w in columns[q], / (rows[p].count * columns[q].count)
/// x: [N,C,H,W]   y: [N,C,P,Q], overwritten.
template <class T>
void avg_pool2d_forward(View<const T> x, View<T> y, std::span<const PoolSpan> rows, std::span<const PoolSpan> columns) {
  check_avg_pool2d("naive::avg_pool2d_forward", x.shape, y.shape, rows, columns);
  for (int n = 0; n < y.shape.n; ++n) {
    for (int c = 0; c < y.shape.c; ++c) {
      for (int p = 0; p < y.shape.h; ++p) {
        for (int q = 0; q < y.shape.w; ++q) {
          const PoolSpan& row = rows[static_cast<std::size_t>(p)];
          const PoolSpan& column = columns[static_cast<std::size_t>(q)];
          T sum{};
          for (int h = row.begin; h < row.end; ++h)
            for (int w = column.begin; w < column.end; ++w) sum += x(n, c, h, w);
          y(n, c, p, q) = sum / static_cast<T>(double{1} * row.count * column.count);
        }
      }
    }
  }
}

/// dx[n,c,h,w] = sum of dy[n,c,p,q] / (rows[p].count * columns[q].count) over all p,q whose spans hold (h,w)
/// dy: [N,C,P,Q]   dx: [N,C,H,W], overwritten.
template <class T>
void avg_pool2d_backward_input(View<const T> dy, View<T> dx, std::span<const PoolSpan> rows, std::span<const PoolSpan> columns) {
  check_avg_pool2d("naive::avg_pool2d_backward_input", dx.shape, dy.shape, rows, columns);
  std::fill_n(dx.data, dx.count(), T{});
  for (int n = 0; n < dy.shape.n; ++n) {
    for (int c = 0; c < dy.shape.c; ++c) {
      for (int p = 0; p < dy.shape.h; ++p) {
        for (int q = 0; q < dy.shape.w; ++q) {
          const PoolSpan& row = rows[static_cast<std::size_t>(p)];
          const PoolSpan& column = columns[static_cast<std::size_t>(q)];
          const T share = dy(n, c, p, q) / static_cast<T>(double{1} * row.count * column.count);
          for (int h = row.begin; h < row.end; ++h)
            for (int w = column.begin; w < column.end; ++w) dx(n, c, h, w) += share;
        }
      }
    }
  }
}

}  // namespace convoy::cpu::naive
