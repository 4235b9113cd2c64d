#include "exercise.h"

namespace convoy::lesson {

void convolution_gradients(const Plane& x, const Plane& w, const Plane& dy, int stride, int padding, Plane& dx, Plane& dw) {
  for (int p = 0; p < dy.rows; ++p)
    for (int q = 0; q < dy.columns; ++q)
      for (int r = 0; r < w.rows; ++r)
        for (int s = 0; s < w.columns; ++s) {
          const int row = p * stride + r - padding;
          const int column = q * stride + s - padding;
          if (!x.has(row, column)) continue;
          dx.at(row, column) += w.at(r, s) * dy.at(p, q);
          dw.at(r, s) += x.at(row, column) * dy.at(p, q);
        }
}

}  // namespace convoy::lesson
