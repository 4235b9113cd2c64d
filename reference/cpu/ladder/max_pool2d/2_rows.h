/// Rung 2: the largest of a window is the largest along a row of the largest of each column. Columns are compared for a whole row
/// at a time, sixteen at once and without a branch; only the step along the row, with its stride, is left to single numbers.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "reference/core/tensor.h"
#include "reference/model/layer.h"

namespace convoy::cpu::ladder {

/// y = largest x of each window. x: [N,C,H,W]   y: [N,C,P,Q], overwritten.
inline void max_pool2d_2_rows(View<const float> x, View<float> y, const Window& window) {
  std::vector<float> columns(static_cast<std::size_t>(x.shape.w));
  for (int n = 0; n < y.shape.n; ++n)
    for (int c = 0; c < y.shape.c; ++c)
      for (int p = 0; p < y.shape.h; ++p) {
        const int top = p * window.stride_h - window.padding_h;
        std::fill(columns.begin(), columns.end(), -std::numeric_limits<float>::infinity());
        for (int row = std::max(top, 0); row < std::min(top + window.kernel_h, x.shape.h); ++row) {
          const float* from = &x(n, c, row, 0);
          for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = std::max(columns[i], from[i]);
        }
        for (int q = 0; q < y.shape.w; ++q) {
          const int left = q * window.stride_w - window.padding_w;
          const auto begin = columns.begin() + std::max(left, 0);
          y(n, c, p, q) = *std::max_element(begin, columns.begin() + std::min(left + window.kernel_w, x.shape.w));
        }
      }
}

}  // namespace convoy::cpu::ladder
