#include "reference/core/error.h"
#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/conv2d_plain.h"
#include "reference/cpu/blocked/kernels.h"

namespace convoy::cpu::blocked {
namespace {

void check_epilogue(const char* where, const Epilogue& epilogue, int filters) {
  if (epilogue.sums.empty()) return;
  check_sums(where, epilogue.sums.size(), 2 * static_cast<std::size_t>(filters) + 1);
  require(!epilogue.relu, where, "sums of the outputs are those before ReLU; ask for one of the two");
}

}  // namespace

void conv2d_forward(BlockedView<const float> x, View<const float> w, View<const float> b, BlockedView<float> y,
                    const Window& window, const Epilogue& epilogue) {
  check_conv2d("blocked::conv2d_forward", x.shape, w.shape, y.shape, window);
  check_bias("blocked::conv2d_forward", "b", b, w.shape.n);
  check_epilogue("blocked::conv2d_forward", epilogue, w.shape.n);
  plain::conv2d_forward(x, w, b, y, window, epilogue);
}

void conv2d_forward(View<const float> x, View<const float> w, View<const float> b, BlockedView<float> y, const Window& window,
                    const Epilogue& epilogue) {
  check_conv2d("blocked::conv2d_forward", x.shape, w.shape, y.shape, window);
  check_bias("blocked::conv2d_forward", "b", b, w.shape.n);
  check_epilogue("blocked::conv2d_forward", epilogue, w.shape.n);
  plain::conv2d_forward(x, w, b, y, window, epilogue);
}

void conv2d_backward_input(BlockedView<const float> dy, View<const float> w, BlockedView<float> dx, const Window& window,
                           BlockedView<const float> y) {
  check_conv2d("blocked::conv2d_backward_input", dx.shape, w.shape, dy.shape, window);
  if (y.data != nullptr) check_shape("blocked::conv2d_backward_input", "y", y.shape, dy.shape);
  plain::conv2d_backward_input(dy, w, dx, window, y);
}

void conv2d_backward_weights(BlockedView<const float> dy, BlockedView<const float> x, View<float> dw, View<float> db,
                             const Window& window, BlockedView<const float> y) {
  check_conv2d("blocked::conv2d_backward_weights", x.shape, dw.shape, dy.shape, window);
  check_bias("blocked::conv2d_backward_weights", "db", db, dw.shape.n);
  if (y.data != nullptr) check_shape("blocked::conv2d_backward_weights", "y", y.shape, dy.shape);
  plain::conv2d_backward_weights(dy, x, dw, db, window, y);
}

void conv2d_backward_weights(BlockedView<const float> dy, View<const float> x, View<float> dw, View<float> db,
                             const Window& window, BlockedView<const float> y) {
  check_conv2d("blocked::conv2d_backward_weights", x.shape, dw.shape, dy.shape, window);
  check_bias("blocked::conv2d_backward_weights", "db", db, dw.shape.n);
  if (y.data != nullptr) check_shape("blocked::conv2d_backward_weights", "y", y.shape, dy.shape);
  plain::conv2d_backward_weights(dy, x, dw, db, window, y);
}

}  // namespace convoy::cpu::blocked
