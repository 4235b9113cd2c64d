#include "reference/core/error.h"
#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/kernels.h"
#include "reference/cpu/blocked/vector.h"

namespace convoy::cpu::blocked {
namespace {

/// body(i) for the offsets i of all pixels' vectors in memory.
template <class Body>
void for_each_vector(const Shape& shape, const Body& body) {
  parallel_slices(blocked_count(shape) / kBlock, kElementGrain / kBlock, [&](Slice slice) {
    for (std::int64_t i = slice.offset * kBlock; i < slice.end() * kBlock; i += kBlock) body(i);
  });
}

template <bool kStream>
void add_two(const float* first, const float* second, bool relu, BlockedView<float> y) {
  parallel_slices(y.count() / kBlock, kElementGrain / kBlock, [&](Slice slice) {
    for (std::int64_t i = slice.offset * kBlock; i < slice.end() * kBlock; i += kBlock) {
      Vec v = as_vec(first + i) + as_vec(second + i);
      if (relu) apply_relu(v);
      store<kStream>(y.data + i, v);
    }
    if constexpr (kStream) end_streaming();
  });
}

}  // namespace

void sum(std::span<const BlockedView<const float>> xs, bool relu, BlockedView<float> y) {
  require(!xs.empty(), "blocked::sum", "nothing to add");
  for (const BlockedView<const float>& x : xs) check_shape("blocked::sum", "x", x.shape, y.shape);
  const float* first = xs[0].data;
  if (xs.size() == 2) {  // what networks do: one pass over memory
    const float* second = xs[1].data;
    if (y.count() >= kStreamedFloats && y.data != first && y.data != second) return add_two<true>(first, second, relu, y);
    return add_two<false>(first, second, relu, y);
  }
  for_each_vector(y.shape, [&](std::int64_t i) {
    Vec v = as_vec(first + i);
    for (std::size_t k = 1; k < xs.size(); ++k) v += as_vec(xs[k].data + i);
    if (relu) apply_relu(v);
    as_vec(y.data + i) = v;
  });
}

void relu_forward(BlockedView<const float> x, BlockedView<float> y) { sum(std::span(&x, 1), true, y); }

void relu_backward_input(BlockedView<const float> dy, BlockedView<const float> y, BlockedView<float> dx) {
  check_shape("blocked::relu_backward_input", "dy", dy.shape, y.shape);
  check_shape("blocked::relu_backward_input", "dx", dx.shape, y.shape);
  for_each_vector(y.shape, [&](std::int64_t i) {
    Vec v = as_vec(dy.data + i);
    keep_where_positive(v, as_vec(y.data + i));
    as_vec(dx.data + i) = v;
  });
}

}  // namespace convoy::cpu::blocked
