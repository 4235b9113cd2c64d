#include "reference/cpu/checks.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/parallel.h"

namespace convoy::cpu {

void relu_forward(View<const float> x, View<float> y) {
  check_shape("relu_forward", "y", y.shape, x.shape);
  parallel_slices(x.count(), kElementGrain, [&](Slice slice) {
    for (std::int64_t i = slice.offset; i < slice.end(); ++i) y.data[i] = x.data[i] < 0 ? 0 : x.data[i];  // lets NaN through
  });
}

void relu_backward_input(View<const float> dy, View<const float> y, View<float> dx) {
  check_shape("relu_backward_input", "dy", dy.shape, y.shape);
  check_shape("relu_backward_input", "dx", dx.shape, y.shape);
  parallel_slices(y.count(), kElementGrain, [&](Slice slice) {
    for (std::int64_t i = slice.offset; i < slice.end(); ++i) {
      const float gradient = dy.data[i];  // read in any case, so that the compiler needs no branch
      dx.data[i] = y.data[i] <= 0 ? 0 : gradient;
    }
  });
}

}  // namespace convoy::cpu
