// expect: dx is full of zeros so far
#include "exercise.h"

namespace convoy::lesson {

void convolution_gradients(const Plane& x, const Plane& w, const Plane& dy, int stride, int padding, Plane& dx, Plane& dw) {
  for (int p = 0; p < dy.rows; ++p)
    for (int q = 0; q < dy.columns; ++q)
      for (int r = 0; r < w.rows; ++r)
        for (int s = 0; s < w.columns; ++s) {
          // Your lines come here. In the forward pass this is where w[r,s] meets one number of x on its way into y[p,q].
          // How much does y[p,q] change with either of the two? x.has(row, column) says whether there is a number.
          static_cast<void>(x), static_cast<void>(stride), static_cast<void>(padding), static_cast<void>(dx),
              static_cast<void>(dw);
        }
}

}  // namespace convoy::lesson
