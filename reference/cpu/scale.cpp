#include "reference/cpu/checks.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/matrix.h"
#include "reference/cpu/parallel.h"

namespace convoy::cpu {
namespace {

/// body(i, first) for all planes [H,W] of a tensor: the index of the plane and the offset of its first element.
template <class Body>
void for_each_plane(const Shape& shape, const Body& body) {
  const std::int64_t plane = std::int64_t{shape.h} * shape.w;
  parallel_slices(std::int64_t{shape.n} * shape.c, kElementGrain / std::max<std::int64_t>(plane, 1) + 1, [&](Slice planes) {
    for (std::int64_t i = planes.offset; i < planes.end(); ++i) body(i, i * plane);
  });
}

}  // namespace

void scale_forward(View<const float> x, View<const float> s, View<float> y) {
  check_scale("scale_forward", x.shape, s.shape);
  check_shape("scale_forward", "y", y.shape, x.shape);
  const std::int64_t plane = std::int64_t{x.shape.h} * x.shape.w;
  for_each_plane(x.shape, [&](std::int64_t i, std::int64_t first) {
    const float factor = s.data[i];
    for (std::int64_t j = first; j < first + plane; ++j) y.data[j] = x.data[j] * factor;
  });
}

void scale_backward_factor(View<const float> dy, View<const float> x, View<float> ds) {
  check_shape("scale_backward_factor", "dy", dy.shape, x.shape);
  check_scale("scale_backward_factor", x.shape, ds.shape);
  const std::int64_t plane = std::int64_t{x.shape.h} * x.shape.w;
  for_each_plane(x.shape, [&](std::int64_t i, std::int64_t first) {
    ds.data[i] = plane == 0 ? 0 : (ConstRowMap(dy.data + first, plane) * ConstRowMap(x.data + first, plane)).sum();
  });
}

}  // namespace convoy::cpu
