#include "reference/core/error.h"
#include "reference/cpu/activation_loops.h"
#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/kernels.h"
#include "reference/cpu/blocked/vector.h"

namespace convoy::cpu::blocked {
namespace {

constexpr std::int64_t kGrain = kElementGrain / 8;  // as in reference/cpu/activation.cpp

void check_function(const char* where, ActivationFunction function) {
  require(keeps_zero(function), where, kind_name(Activation{function}), " makes something of the zeros in the padding");
}

}  // namespace

void activation_forward(BlockedView<const float> x, BlockedView<float> y, ActivationFunction function) {
  check_function("blocked::activation_forward", function);
  check_shape("blocked::activation_forward", "y", y.shape, x.shape);
  parallel_slices(x.count(), kGrain,
                  [&](Slice slice) { activate(function, x.data + slice.offset, slice.count, y.data + slice.offset); });
}

void activation_backward_input(BlockedView<const float> dy, BlockedView<const float> source, BlockedView<float> dx,
                               ActivationFunction function) {
  check_function("blocked::activation_backward_input", function);
  check_shape("blocked::activation_backward_input", "dy", dy.shape, source.shape);
  check_shape("blocked::activation_backward_input", "dx", dx.shape, source.shape);
  parallel_slices(dy.count(), kGrain, [&](Slice slice) {
    differentiate(function, dy.data + slice.offset, source.data + slice.offset, slice.count, dx.data + slice.offset);
  });
}

void scale_forward(BlockedView<const float> x, BlockedView<const float> s, BlockedView<float> y) {
  check_scale("blocked::scale_forward", x.shape, s.shape);
  check_shape("blocked::scale_forward", "y", y.shape, x.shape);
  for_each_plane(x.shape, [&](std::int64_t i, int) {
    const Vec factor = as_vec(s.data + i * kBlock);
    const std::int64_t first = i * x.plane();
    for (std::int64_t j = first; j < first + x.plane(); j += kBlock) as_vec(y.data + j) = as_vec(x.data + j) * factor;
  });
}

void scale_backward_factor(BlockedView<const float> dy, BlockedView<const float> x, BlockedView<float> ds) {
  check_shape("blocked::scale_backward_factor", "dy", dy.shape, x.shape);
  check_scale("blocked::scale_backward_factor", x.shape, ds.shape);
  for_each_plane(x.shape, [&](std::int64_t i, int) {
    Vec sum{};
    const std::int64_t first = i * x.plane();
    for (std::int64_t j = first; j < first + x.plane(); j += kBlock) sum += as_vec(dy.data + j) * as_vec(x.data + j);
    as_vec(ds.data + i * kBlock) = sum;
  });
}

}  // namespace convoy::cpu::blocked
