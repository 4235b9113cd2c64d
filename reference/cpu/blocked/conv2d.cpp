#include "reference/core/error.h"
#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/conv2d_plain.h"
#include "reference/cpu/blocked/depthwise.h"
#include "reference/cpu/blocked/kernels.h"
#include "reference/cpu/blocked/taps.h"
#include "reference/cpu/blocked/weights.h"
#include "reference/cpu/blocked/winograd.h"

namespace convoy::cpu::blocked {
namespace {

void check_epilogue(const char* where, const Epilogue& epilogue, int filters) {
  if (epilogue.sums.empty()) return;
  check_sums(where, epilogue.sums.size(), 2 * static_cast<std::size_t>(filters) + 1);
  require(!epilogue.relu, where, "sums of the outputs are those before ReLU; ask for one of the two");
}

bool has_taps(const Window& window) { return window.kernel_h * window.kernel_w <= kMaxTaps; }

/// Channels [first, first + count) of a blocked tensor; first is a multiple of 16.
template <class T>
Planes<T> planes_of(BlockedView<T> x, int first, int count) {
  return {.data = x.data + first / kBlock * x.plane(),
          .planes = blocks_of(count),
          .h = x.shape.h,
          .w = x.shape.w,
          .pixel = kBlock,
          .row = x.row(),
          .plane = x.plane(),
          .image = x.plane() * x.blocks()};
}
Planes<const float> planes_of(View<const float> x, int first, int count) {
  const std::int64_t plane = std::int64_t{x.shape.h} * x.shape.w;
  return {.data = x.data + first * plane,
          .planes = count,
          .h = x.shape.h,
          .w = x.shape.w,
          .pixel = 1,
          .row = x.shape.w,
          .plane = plane,
          .image = plane * x.shape.c};
}
int lanes_of_plane(BlockedView<const float>) { return kBlock; }
int lanes_of_plane(View<const float>) { return 1; }

/// body(first channel, channels, first filter, filters) for groups that are treated together.
template <class Body>
void for_each_bundle(const Shape& x, const Shape& w, const Body& body) {
  const int groups = groups_of(x, w);
  const int channels = w.c;
  const int filters = w.n / groups;
  const int step = groups_of_bundle(channels, filters, groups);
  for (int group = 0; group < groups; group += step) {
    const int count = std::min(step, groups - group);
    body(group * channels, count * channels, group * filters, count * filters);
  }
}

/// Lanes of the last plane.
int last_lanes(int lanes, int count) { return count == 0 ? 0 : count - (count - 1) / lanes * lanes; }

/// x in either layout.
template <class Input>
void forward(const Input& x, View<const float> w, View<const float> b, BlockedView<float> y, const Window& window,
             const Epilogue& epilogue) {
  check_conv2d("blocked::conv2d_forward", x.shape, w.shape, y.shape, window);
  check_bias("blocked::conv2d_forward", "b", b, w.shape.n);
  check_epilogue("blocked::conv2d_forward", epilogue, w.shape.n);
  if (!has_taps(window)) return plain::conv2d_forward(x, w, b, y, window, epilogue);
  if (!epilogue.sums.empty()) {
    std::fill(epilogue.sums.begin(), epilogue.sums.end(), 0.0);
    epilogue.sums.back() = static_cast<double>(y.shape.n) * y.shape.h * y.shape.w;
  }
  if (y.shape.count() == 0) return;
  TapConvolution c{.images = y.shape.n,
                   .in_lanes = lanes_of_plane(x),
                   .stride_h = window.stride_h,
                   .stride_w = window.stride_w,
                   .relu = epilogue.relu,
                   .sums = epilogue.sums,
                   .sums_channels = y.shape.c};
  for (int r = 0; r < window.kernel_h; ++r)
    for (int s = 0; s < window.kernel_w; ++s)
      c.taps.add({r * window.dilation_h - window.padding_h, s * window.dilation_w - window.padding_w, r, s});
  for_each_bundle(x.shape, w.shape, [&](int first_channel, int channels, int first_filter, int filters) {
    c.x = planes_of(x, first_channel, channels);
    c.last_in_lanes = last_lanes(c.in_lanes, channels);
    c.y = planes_of(y, first_filter, filters);
    c.weights = {.w = w,
                 .first_out = first_filter,
                 .outs = filters,
                 .first_in = first_channel,
                 .ins = channels,
                 .groups = groups_of(x.shape, w.shape)};
    c.bias = b.data == nullptr ? nullptr : b.data + first_filter;
    run(c);
  });
}

/// The pixels of dx whose row is `row` and whose column is `column` modulo the stride.
void backward_input_class(TapConvolution& c, const Window& window, const Planes<float>& dx, int row, int column) {
  c.taps.count = 0;
  for (int r = 0; r < window.kernel_h; ++r) {
    const int down = row + window.padding_h - r * window.dilation_h;
    if (down % window.stride_h != 0) continue;
    for (int s = 0; s < window.kernel_w; ++s) {
      const int right = column + window.padding_w - s * window.dilation_w;
      if (right % window.stride_w == 0) c.taps.add({down / window.stride_h, right / window.stride_w, r, s});
    }
  }
  c.y = dx;
  c.y.data += row * dx.row + std::int64_t{column} * dx.pixel;
  c.y.h = (dx.h - row + window.stride_h - 1) / window.stride_h;
  c.y.w = (dx.w - column + window.stride_w - 1) / window.stride_w;
  c.y.row *= window.stride_h;
  c.y.pixel *= window.stride_w;
  run(c);
}

/// Whether one class of the pixels of dx has a gradient and the others are 0: they lie in its gaps, and are written with it.
bool reads_every_so_often(const Window& window) {
  return window.kernel_h == 1 && window.kernel_w == 1 && window.padding_h == 0 && window.padding_w == 0 &&
         (window.stride_h > 1 || window.stride_w > 1);
}

template <class Input>
void backward_weights(BlockedView<const float> dy, const Input& x, View<float> dw, View<float> db, const Window& window,
                      BlockedView<const float> y) {
  check_conv2d("blocked::conv2d_backward_weights", x.shape, dw.shape, dy.shape, window);
  check_bias("blocked::conv2d_backward_weights", "db", db, dw.shape.n);
  if (y.data != nullptr) check_shape("blocked::conv2d_backward_weights", "y", y.shape, dy.shape);
  if (dy.shape.count() == 0) return;
  const WeightGradient job{.dy = dy,
                           .mask = y.data,
                           .x = planes_of(x, 0, x.shape.c),
                           .channels = x.shape.c,
                           .dw = dw,
                           .db = db,
                           .window = window,
                           .groups = groups_of(x.shape, dw.shape)};
  if (x.shape.c == 0 || !has_weight_gradient(job)) return plain::conv2d_backward_weights(dy, x, dw, db, window, y);
  run(job);
}

/// Whether the convolution goes by Winograd's way.
bool goes_by_winograd(const Shape& x, const Shape& w, const Shape& y, const Window& window, Pass pass) {
  return groups_of(x, w) == 1 && choose_algorithm(x, y, window, pass) == Algorithm::winograd;
}

bool goes_by_depthwise(const Shape& x, const Shape& w, const Shape& y, const Window& window) {
  return depthwise::possible(x, w, window) && x.count() > 0 && y.count() > 0;
}

}  // namespace

// Note [when Winograd pays]: measured on one core of an EPYC of Zen 4 (2026-11-25, docs/measurements), F(4x4, 3x3) is faster in
// all passes for every 3 x 3 convolution of stride 1 in ResNet, VGG and AlexNet: 1.1 times for 16 channels, where the transforms
// are half of the work, to 3 times for 64 and more on large images, less where few tiles share the transformed filters, which are
// four times as large as the filters. F(2x2, 5x5) takes a step of AlexNet, whose conv2 is a third of it, from 608 to 513 ms; with
// fewer than 16 channels or filters the transforms would be most of the work. With fewer than 32 tiles the filters' transforms
// cost more than they save.

Algorithm choose_algorithm(const Shape& x, const Shape& y, const Window& window, Pass) {
  const bool is_3x3 = window.kernel_h == 3 && window.kernel_w == 3;
  const bool is_5x5 = window.kernel_h == 5 && window.kernel_w == 5 && x.c >= kBlock && y.c >= kBlock;
  const bool possible = (is_3x3 || is_5x5) && window.stride_h == 1 && window.stride_w == 1 && window.dilation_h == 1 &&
                        window.dilation_w == 1 && x.count() > 0 && y.count() > 0;
  if (!possible) return Algorithm::direct;
  constexpr std::int64_t kFewTiles = 32;
  const int tile = is_3x3 ? 4 : 2;
  const std::int64_t tiles = std::int64_t{y.n} * ((y.h + tile - 1) / tile) * ((y.w + tile - 1) / tile);
  return tiles < kFewTiles ? Algorithm::direct : Algorithm::winograd;
}

void conv2d_forward(BlockedView<const float> x, View<const float> w, View<const float> b, BlockedView<float> y,
                    const Window& window, const Epilogue& epilogue) {
  check_conv2d("blocked::conv2d_forward", x.shape, w.shape, y.shape, window);
  check_bias("blocked::conv2d_forward", "b", b, w.shape.n);
  check_epilogue("blocked::conv2d_forward", epilogue, w.shape.n);
  if (goes_by_depthwise(x.shape, w.shape, y.shape, window)) return depthwise::forward(x, w, b, y, window, epilogue);
  if (!goes_by_winograd(x.shape, w.shape, y.shape, window, Pass::forward)) return forward(x, w, b, y, window, epilogue);
  if (!epilogue.sums.empty()) epilogue.sums.back() = static_cast<double>(y.shape.n) * y.shape.h * y.shape.w;
  winograd::run(winograd::Convolution{.x = x,
                                      .y = y,
                                      .w = w,
                                      .padding_h = window.padding_h,
                                      .padding_w = window.padding_w,
                                      .bias = b.data,
                                      .relu = epilogue.relu,
                                      .sums = epilogue.sums});
}
void conv2d_forward(View<const float> x, View<const float> w, View<const float> b, BlockedView<float> y, const Window& window,
                    const Epilogue& epilogue) {
  forward(x, w, b, y, window, epilogue);
}

void conv2d_backward_input(BlockedView<const float> dy, View<const float> w, BlockedView<float> dx, const Window& window,
                           BlockedView<const float> y) {
  check_conv2d("blocked::conv2d_backward_input", dx.shape, w.shape, dy.shape, window);
  if (y.data != nullptr) check_shape("blocked::conv2d_backward_input", "y", y.shape, dy.shape);
  if (dx.shape.count() == 0) return;
  if (goes_by_depthwise(dx.shape, w.shape, dy.shape, window)) return depthwise::backward_input(dy, y.data, w, dx, window);
  if (goes_by_winograd(dx.shape, w.shape, dy.shape, window, Pass::backward_input))
    return winograd::run(winograd::Convolution{.x = dy,
                                               .mask = y.data,
                                               .y = dx,
                                               .w = w,
                                               .transposed = true,
                                               .padding_h = window.kernel_h - 1 - window.padding_h,
                                               .padding_w = window.kernel_w - 1 - window.padding_w});
  if (!has_taps(window)) return plain::conv2d_backward_input(dy, w, dx, window, y);
  TapConvolution c{.images = dx.shape.n};
  for_each_bundle(dx.shape, w.shape, [&](int first_channel, int channels, int first_filter, int filters) {
    c.x = planes_of(dy, first_filter, filters);
    c.mask = y.data == nullptr ? nullptr : y.data + first_filter / kBlock * y.plane();
    c.last_in_lanes = last_lanes(kBlock, filters);
    c.weights = {.w = w,
                 .transposed = true,
                 .first_out = first_channel,
                 .outs = channels,
                 .first_in = first_filter,
                 .ins = filters,
                 .groups = groups_of(dx.shape, w.shape)};
    const Planes<float> planes = planes_of(dx, first_channel, channels);
    if (reads_every_so_often(window)) {
      c.gaps = {.rows = window.stride_h, .columns = window.stride_w, .h = dx.shape.h, .w = dx.shape.w};
      return backward_input_class(c, window, planes, 0, 0);
    }
    for (int row = 0; row < std::min(window.stride_h, dx.shape.h); ++row)
      for (int column = 0; column < std::min(window.stride_w, dx.shape.w); ++column)
        backward_input_class(c, window, planes, row, column);
  });
}

void conv2d_backward_weights(BlockedView<const float> dy, BlockedView<const float> x, View<float> dw, View<float> db,
                             const Window& window, BlockedView<const float> y) {
  check_conv2d("blocked::conv2d_backward_weights", x.shape, dw.shape, dy.shape, window);
  check_bias("blocked::conv2d_backward_weights", "db", db, dw.shape.n);
  if (y.data != nullptr) check_shape("blocked::conv2d_backward_weights", "y", y.shape, dy.shape);
  if (goes_by_depthwise(x.shape, dw.shape, dy.shape, window)) return depthwise::backward_weights(dy, y.data, x, dw, db, window);
  if (!goes_by_winograd(x.shape, dw.shape, dy.shape, window, Pass::backward_weights))
    return backward_weights(dy, x, dw, db, window, y);
  winograd::run(winograd::WeightGradient{
      .dy = dy, .mask = y.data, .x = x, .dw = dw, .db = db, .padding_h = window.padding_h, .padding_w = window.padding_w});
}
void conv2d_backward_weights(BlockedView<const float> dy, View<const float> x, View<float> dw, View<float> db,
                             const Window& window, BlockedView<const float> y) {
  backward_weights(dy, x, dw, db, window, y);
}

}  // namespace convoy::cpu::blocked
