#include "reference/cpu/checks.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/parallel.h"

namespace convoy::cpu {

void channel_select_forward(View<const float> x, View<float> y, const ChannelSelect& select) {
  check_channel_select("channel_select_forward", x.shape, y.shape, select);
  const std::int64_t plane = std::int64_t{x.shape.h} * x.shape.w;
  parallel_slices(std::int64_t{y.shape.n} * y.shape.c, kElementGrain / std::max<std::int64_t>(plane, 1) + 1, [&](Slice planes) {
    for (std::int64_t i = planes.offset; i < planes.end(); ++i) {
      const std::int64_t from = i / y.shape.c * x.shape.c + select.source(static_cast<int>(i % y.shape.c));
      std::copy_n(x.data + from * plane, plane, y.data + i * plane);
    }
  });
}

void channel_select_backward_input(View<const float> dy, View<float> dx, const ChannelSelect& select) {
  check_channel_select("channel_select_backward_input", dx.shape, dy.shape, select);
  const std::int64_t plane = std::int64_t{dx.shape.h} * dx.shape.w;
  parallel_for(dx.shape.n, [&](std::int64_t n) {
    float* sample = dx.data + n * dx.shape.c * plane;
    std::fill_n(sample, select.first * plane, 0.0F);
    std::fill_n(sample + (select.first + select.count) * plane, (dx.shape.c - select.first - select.count) * plane, 0.0F);
    for (int i = 0; i < select.count; ++i)
      std::copy_n(dy.data + (n * select.count + i) * plane, plane, sample + select.source(i) * plane);
  });
}

}  // namespace convoy::cpu
