#include "reference/cpu/checks.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/matrix.h"
#include "reference/cpu/parallel.h"

namespace convoy::cpu {

void global_avg_pool2d_forward(View<const float> x, View<float> y, double count) {
  check_global_avg_pool2d("global_avg_pool2d_forward", x.shape, y.shape, count);
  const std::int64_t plane = std::int64_t{x.shape.h} * x.shape.w;
  if (plane == 0) return static_cast<void>(std::fill_n(y.data, y.count(), 0.0F));
  const auto divisor = static_cast<float>(count);
  parallel_slices(y.count(), kElementGrain / plane + 1, [&](Slice planes) {
    for (std::int64_t i = planes.offset; i < planes.end(); ++i)
      y.data[i] = ConstRowMap(x.data + i * plane, plane).sum() / divisor;
  });
}

void global_avg_pool2d_backward_input(View<const float> dy, View<float> dx, double count) {
  check_global_avg_pool2d("global_avg_pool2d_backward_input", dx.shape, dy.shape, count);
  const std::int64_t plane = std::int64_t{dx.shape.h} * dx.shape.w;
  if (plane == 0) return;
  const auto divisor = static_cast<float>(count);
  parallel_slices(dy.count(), kElementGrain / plane + 1, [&](Slice planes) {
    for (std::int64_t i = planes.offset; i < planes.end(); ++i) std::fill_n(dx.data + i * plane, plane, dy.data[i] / divisor);
  });
}

}  // namespace convoy::cpu
