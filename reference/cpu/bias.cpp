#include "reference/cpu/checks.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/matrix.h"
#include "reference/cpu/parallel.h"

namespace convoy::cpu {

void add_bias(View<const float> b, View<float> y) {
  check_per_channel("add_bias", "b", b.shape, y.shape.c);
  const std::int64_t plane = std::int64_t{y.shape.h} * y.shape.w;
  if (plane == 0) return;
  parallel_slices(std::int64_t{y.shape.n} * y.shape.c, kElementGrain / plane + 1, [&](Slice planes) {
    for (std::int64_t i = planes.offset; i < planes.end(); ++i) RowMap(y.data + i * plane, plane) += b.data[i % y.shape.c];
  });
}

void bias_backward(View<const float> dy, View<float> db) {
  check_per_channel("bias_backward", "db", db.shape, dy.shape.c);
  const std::int64_t plane = std::int64_t{dy.shape.h} * dy.shape.w;
  if (dy.count() == 0) return;
  parallel_slices(dy.shape.c, kElementGrain / (plane * dy.shape.n) + 1, [&](Slice channels) {
    for (std::int64_t k = channels.offset; k < channels.end(); ++k) {
      double sum = 0;
      for (std::int64_t n = 0; n < dy.shape.n; ++n)
        sum += static_cast<double>(ConstRowMap(dy.data + (n * dy.shape.c + k) * plane, plane).sum());
      db.data[k] += static_cast<float>(sum);
    }
  });
}

}  // namespace convoy::cpu
