#include "reference/model/layer_part.h"

namespace convoy {
namespace {

/// Padding such that y's rows come from x's rows: row p of y reads from row p * stride - padding of the image.
Window window_on_part(Window window, const Box& x, const Box& y) {
  const std::int64_t above = window.padding_h - y.h.offset * window.stride_h + x.h.offset;
  const std::int64_t spanned = (y.h.count - 1) * window.stride_h + window.span_h();
  window.padding_h = static_cast<int>(above);
  window.extra_below = static_cast<int>(spanned - x.h.count - 2 * above);
  return window;
}

}  // namespace

Layer layer_on_part(const Layer& layer, const Box& x, const Box& y) {
  if (const auto* conv = std::get_if<Conv2d>(&layer)) {
    Conv2d part = *conv;
    part.out_channels = static_cast<int>(y.c.count);
    // Groups are divided whole: as many of them as filters.
    if (conv->groups > 1) part.groups = static_cast<int>(conv->groups * y.c.count / conv->out_channels);
    part.window = window_on_part(conv->window, x, y);
    return part;
  }
  if (const auto* pool = std::get_if<MaxPool2d>(&layer)) return MaxPool2d{window_on_part(pool->window, x, y)};
  if (const auto* pool = std::get_if<AvgPool2d>(&layer))
    return AvgPool2d{window_on_part(pool->window, x, y), pool->count_include_pad};
  if (const auto* pool = std::get_if<AdaptiveAvgPool2d>(&layer))
    return AdaptiveAvgPool2d{static_cast<int>(y.h.count), pool->output_w};
  if (const auto* linear = std::get_if<Linear>(&layer)) {
    Linear part = *linear;
    part.out_features = static_cast<int>(y.c.count);
    return part;
  }
  return layer;
}

}  // namespace convoy
