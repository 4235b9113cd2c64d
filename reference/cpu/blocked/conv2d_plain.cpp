#include "reference/cpu/blocked/conv2d_plain.h"

#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/scratch.h"

namespace convoy::cpu::blocked::plain {
namespace {

View<float> scratch_view(Slot slot, const Shape& shape) { return {scratch(slot, shape.count()), shape}; }

View<const float> as_plain(Slot slot, BlockedView<const float> x) {
  const View<float> plain = scratch_view(slot, x.shape);
  from_blocked(x, plain);
  return plain;
}

/// dy in the plain layout, 0 where y <= 0 when y has data.
View<const float> as_plain_gradient(BlockedView<const float> dy, BlockedView<const float> y) {
  if (y.data == nullptr) return as_plain(Slot::plain_output, dy);
  const BlockedView<float> masked{scratch(Slot::masked_gradient, dy.count()), dy.shape};
  relu_backward_input(dy, y, masked);
  return as_plain(Slot::plain_output, masked);
}

}  // namespace

void conv2d_forward(BlockedView<const float> x, View<const float> w, View<const float> b, BlockedView<float> y,
                    const Window& window, const Epilogue& epilogue) {
  plain::conv2d_forward(as_plain(Slot::plain_input, x), w, b, y, window, epilogue);
}

void conv2d_forward(View<const float> x, View<const float> w, View<const float> b, BlockedView<float> y, const Window& window,
                    const Epilogue& epilogue) {
  const View<float> output = scratch_view(Slot::plain_output, y.shape);
  cpu::conv2d_forward(x, w, b, output, window);
  to_blocked(output, y);
  if (epilogue.relu) relu_forward(y, y);
  if (!epilogue.sums.empty()) batch_norm2d_statistics(y, epilogue.sums);
}

void conv2d_backward_input(BlockedView<const float> dy, View<const float> w, BlockedView<float> dx, const Window& window,
                           BlockedView<const float> y) {
  const View<float> result = scratch_view(Slot::plain_input, dx.shape);
  cpu::conv2d_backward_input(as_plain_gradient(dy, y), w, result, window);
  to_blocked(result, dx);
}

void conv2d_backward_weights(BlockedView<const float> dy, BlockedView<const float> x, View<float> dw, View<float> db,
                             const Window& window, BlockedView<const float> y) {
  plain::conv2d_backward_weights(dy, as_plain(Slot::plain_input, x), dw, db, window, y);
}

void conv2d_backward_weights(BlockedView<const float> dy, View<const float> x, View<float> dw, View<float> db,
                             const Window& window, BlockedView<const float> y) {
  cpu::conv2d_backward_weights(as_plain_gradient(dy, y), x, dw, db, window);
}

}  // namespace convoy::cpu::blocked::plain
