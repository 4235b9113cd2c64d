/// The exercise of lesson 5.
#pragma once

#include "plane.h"

namespace convoy::lesson {

/// The gradients of y = x (*) w, a convolution of one channel with one filter:
///
///     y[p,q] = sum over r, s of w[r,s] x[p*stride + r - padding, q*stride + s - padding],   x being 0 where it has no number.
///
/// dy has the rows and columns of y. dx (as x) and dw (as w) come in full of zeros.
void convolution_gradients(const Plane& x, const Plane& w, const Plane& dy, int stride, int padding, Plane& dx, Plane& dw);

}  // namespace convoy::lesson
