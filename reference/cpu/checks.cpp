#include "reference/cpu/checks.h"

#include "reference/core/error.h"

namespace convoy::cpu {

void check_shape(std::string_view where, std::string_view name, const Shape& got, const Shape& expected) {
  if (got == expected) return;  // the texts below are made only when needed
  require(false, where, name, " is ", to_string(got), ", expected ", to_string(expected));
}

int output_rows(const Window& window, int h) {
  const int rows = h + 2 * window.padding_h + window.extra_below;
  return rows < window.span_h() ? 0 : window.output_h(h);
}

namespace {

/// Kernel and stride are positive, and the window fits into the columns: only rows are ever divided.
void check_window(std::string_view where, const Window& window, const Shape& x) {
  require(window.kernel_h > 0 && window.kernel_w > 0 && window.stride_h > 0 && window.stride_w > 0 && window.padding_w >= 0 &&
              window.dilation_h > 0 && window.dilation_w > 0 && window.padding_w < window.span_w() &&
              x.w + 2 * window.padding_w >= window.span_w(),
          where, "a window of ", window.kernel_h, "x", window.kernel_w, " with stride ", window.stride_h, "x", window.stride_w,
          " and padding ", window.padding_h, "x", window.padding_w, " does not fit x, which is ", to_string(x));
}

}  // namespace

int groups_of(const Shape& x, const Shape& w) { return w.c == 0 || x.c == 0 ? 1 : x.c / w.c; }

void check_conv2d(std::string_view where, const Shape& x, const Shape& w, const Shape& y, const Window& window) {
  const bool divides = w.c == 0 ? x.c == 0 : x.c % w.c == 0 && (x.c > 0 || w.n == 0);
  if (!divides)
    require(false, where, "x has ", x.c, " channels, w expects ", w.c, " (x is ", to_string(x), ", w is ", to_string(w), ")");
  const int groups = groups_of(x, w);
  if (w.n % groups != 0)
    require(false, where, w.n, " filters are not divisible by ", groups, " groups (x is ", to_string(x), ", w is ", to_string(w),
            ")");
  check_shape(where, "w", w, {w.n, w.c, window.kernel_h, window.kernel_w});
  check_window(where, window, x);
  check_shape(where, "the output", y, {x.n, w.n, output_rows(window, x.h), window.output_w(x.w)});
}

void check_linear(std::string_view where, const Shape& x, const Shape& w, const Shape& y) {
  if (w.sample_count() != x.sample_count() || w.h != 1 || w.w != 1)
    require(false, where, "x is ", to_string(x), ", ", x.sample_count(), " values a sample, but w is ", to_string(w));
  check_shape(where, "the output", y, {x.n, w.n, 1, 1});
}

void check_max_pool2d(std::string_view where, const Shape& x, const Shape& y, const Window& window) {
  check_window(where, window, x);
  require(window.dilation_h == 1 && window.dilation_w == 1, where, "has no dilation");
  check_shape(where, "the output", y, {x.n, x.c, output_rows(window, x.h), window.output_w(x.w)});
  const bool meets = y.h == 0 || (window.padding_h < window.kernel_h && (y.h - 1) * window.stride_h - window.padding_h < x.h);
  if (!meets)
    require(false, where, "a window lies outside the ", x.h, " rows of x: kernel ", window.kernel_h, ", stride ", window.stride_h,
            ", padding ", window.padding_h, " above and ", window.padding_h + window.extra_below, " below");
}

void check_avg_pool2d(std::string_view where, const Shape& x, const Shape& y, std::span<const PoolSpan> rows,
                      std::span<const PoolSpan> columns) {
  check_shape(where, "the output", y, {x.n, x.c, static_cast<int>(rows.size()), static_cast<int>(columns.size())});
  const auto check = [&](std::span<const PoolSpan> spans, int extent, std::string_view what) {
    for (const PoolSpan& span : spans)
      if (span.begin < 0 || span.begin > span.end || span.end > extent || span.count < 1)
        require(false, where, "averages ", what, " ", span.begin, " to ", span.end, " of ", extent, ", divided by ", span.count);
  };
  check(rows, x.h, "rows");
  check(columns, x.w, "columns");
}

void check_global_avg_pool2d(std::string_view where, const Shape& x, const Shape& y, double count) {
  check_shape(where, "the output", y, {x.n, x.c, 1, 1});
  require(count > 0, where, "divides by ", count, " pixels");
}

void check_local_response_norm(std::string_view where, const Shape& x, const Shape& y, const LocalResponseNorm& norm, int lead) {
  require(norm.size > 0 && norm.k > 0 && norm.alpha >= 0, where, "size and k must be positive and alpha at least 0, got ",
          norm.size, ", ", norm.k, " and ", norm.alpha);
  if (y.c < 0 || lead < 0 || lead + y.c > x.c)
    require(false, where, "channels ", lead, " to ", lead + y.c - 1, " of x, which has ", x.c);
  check_shape(where, "the output", y, {x.n, y.c, x.h, x.w});
}

void check_per_channel(std::string_view where, std::string_view name, const Shape& got, int channels) {
  check_shape(where, name, got, {1, channels, 1, 1});
}

void check_sums(std::string_view where, std::size_t got, std::size_t expected) {
  require(got == expected, where, got, " sums, expected ", expected);
}

void check_part(std::string_view where, const Shape& from, const Shape& to, const Part& part) {
  const auto inside = [](int first, int count, int extent) { return first >= 0 && count >= 0 && first + count <= extent; };
  const bool good = from.w == to.w && inside(part.from_n, part.n, from.n) && inside(part.from_c, part.c, from.c) &&
                    inside(part.from_h, part.h, from.h) && inside(part.to_n, part.n, to.n) && inside(part.to_c, part.c, to.c) &&
                    inside(part.to_h, part.h, to.h);
  if (!good)
    require(false, where, part.n, " samples x ", part.c, " channels x ", part.h, " rows from (", part.from_n, ",", part.from_c,
            ",", part.from_h, ") of ", to_string(from), " to (", part.to_n, ",", part.to_c, ",", part.to_h, ") of ",
            to_string(to));
}

void check_scale(std::string_view where, const Shape& x, const Shape& s) { check_shape(where, "s", s, {x.n, x.c, 1, 1}); }

void check_channel_select(std::string_view where, const Shape& x, const Shape& y, const ChannelSelect& select) {
  if (select.first < 0 || select.count < 1 || select.first + select.count > x.c || select.groups < 1 ||
      select.count % select.groups != 0)
    require(false, where, "channels ", select.first, " to ", select.first + select.count - 1, " in ", select.groups,
            " groups, of ", x.c);
  check_shape(where, "the output", y, {x.n, select.count, x.h, x.w});
}

void check_dropout(std::string_view where, double probability) {
  require(probability >= 0 && probability < 1, where, "probability must be in [0, 1), got ", probability);
}

void check_labels(std::string_view where, const Shape& x, std::span<const int> labels) {
  if (x.h != 1 || x.w != 1) require(false, where, "expects logits [N,C,1,1], got ", to_string(x));
  require(labels.size() == static_cast<std::size_t>(x.n), where, labels.size(), " labels for ", x.n, " samples");
  for (std::size_t n = 0; n < labels.size(); ++n)
    require(labels[n] >= 0 && labels[n] < x.c, where, "label ", labels[n], " of sample ", n, " is not in 0..", x.c - 1);
}

void check_sgd(std::string_view where, std::size_t w, std::size_t dw, std::size_t momentum, double momentum_factor) {
  require(dw == w, where, w, " weights but ", dw, " gradients");
  require(momentum == w || (momentum == 0 && momentum_factor == 0), where, w, " weights but ", momentum, " momenta");
}

}  // namespace convoy::cpu
