#include "reference/cpu/depthwise.h"

#include <algorithm>
#include <array>

#include "reference/cpu/matrix.h"
#include "reference/cpu/parallel.h"
#include "reference/cpu/scratch.h"

// Note [filtering rows]: an output row is the sum of kernel_h input rows, each filtered by one row of the filter. Rows are read
// from a copy with the zeros of the padding around them, so that filtering one has no conditions. The gradient of the input is
// the same operation with the filter turned round, as long as the stride is 1.

namespace convoy::cpu {
namespace {

/// One row of a filter, applied every `stride` columns.
struct Taps {
  const float* w = nullptr;
  int count = 0;
  int stride = 1;
};

/// y[q] += sum over s of w[s] x[q*stride + s]. With the number of taps known, all are taken at once; 0: one after the other.
template <int kTaps, int kStride>
void add_filtered(const float* x, const Taps& taps, float* y, int count) {
  const std::int64_t step = kStride > 0 ? kStride : taps.stride;
  if constexpr (kTaps > 0) {
    std::array<float, static_cast<std::size_t>(kTaps)> w{};
    std::copy_n(taps.w, kTaps, w.begin());
    for (int q = 0; q < count; ++q) {
      float sum = y[q];
      for (int s = 0; s < kTaps; ++s) sum += w[static_cast<std::size_t>(s)] * x[q * step + s];
      y[q] = sum;
    }
  } else {
    for (int s = 0; s < taps.count; ++s)
      for (int q = 0; q < count; ++q) y[q] += taps.w[s] * x[q * step + s];
  }
}

void add_filtered(const float* x, const Taps& taps, float* y, int count) {
  if (taps.count == 3 && taps.stride == 1) return add_filtered<3, 1>(x, taps, y, count);
  if (taps.count == 3 && taps.stride == 2) return add_filtered<3, 2>(x, taps, y, count);
  if (taps.count == 5 && taps.stride == 1) return add_filtered<5, 1>(x, taps, y, count);
  if (taps.stride == 1) return add_filtered<0, 1>(x, taps, y, count);
  add_filtered<0, 0>(x, taps, y, count);
}

/// The rows of one plane with `padding` zeros before and behind each: row h begins at data + h * stride.
struct PaddedPlane {
  const float* data = nullptr;
  std::int64_t stride = 0;
  [[nodiscard]] const float* row(int h) const { return data + h * stride; }
};

PaddedPlane with_padding(const float* plane, Extent extent, int padding) {
  if (padding == 0) return {plane, extent.columns};
  const std::int64_t stride = extent.columns + std::int64_t{2} * padding;
  float* padded = scratch(Slot::padded_image, extent.rows * stride);
  for (std::int64_t h = 0; h < extent.rows; ++h) {
    float* to = padded + h * stride;
    std::fill_n(to, padding, 0.0F);
    std::copy_n(plane + h * extent.columns, extent.columns, to + padding);
    std::fill_n(to + padding + extent.columns, padding, 0.0F);
  }
  return {padded, stride};
}

/// visit(p, r, h) for every output row p and row r of the filter that meet an input row h.
template <class Visit>
void for_each_meeting(const Shape& x, const Shape& y, const Window& window, const Visit& visit) {
  for (int p = 0; p < y.h; ++p) {
    const int top = p * window.stride_h - window.padding_h;
    for (int r = std::max(-top, 0); r < std::min(window.kernel_h, x.h - top); ++r) visit(p, r, top + r);
  }
}

/// body(n, channel) for all planes of x, divided among the threads.
template <class Body>
void for_each_plane(const Shape& x, std::int64_t work_a_plane, const Body& body) {
  parallel_slices(std::int64_t{x.n} * x.c, kElementGrain / std::max<std::int64_t>(work_a_plane, 1) + 1, [&](Slice planes) {
    for (std::int64_t i = planes.offset; i < planes.end(); ++i) body(static_cast<int>(i / x.c), static_cast<int>(i % x.c));
  });
}

std::int64_t work_of_plane(const Shape& y, const Window& window) {
  return std::int64_t{y.h} * y.w * window.kernel_h * window.kernel_w / 8;  // multiply-adds are about 8 to an element-wise step
}

/// dx of one plane += the gradient that one filter passes back. Stride 1 along rows: see Note [filtering rows].
void backward_input_plane(const float* dy, const float* w, View<float> dx, float* plane, const Shape& y, const Window& window) {
  const int taps = window.kernel_w;
  const PaddedPlane padded = with_padding(dy, {y.h, y.w}, taps - 1 - window.padding_w);
  float* turned = scratch(Slot::product, window.kernel_h * taps);
  for (int r = 0; r < window.kernel_h; ++r) std::reverse_copy(w + r * taps, w + (r + 1) * taps, turned + r * taps);
  for_each_meeting(dx.shape, y, window, [&](int p, int r, int h) {
    add_filtered(padded.row(p), {turned + r * taps, taps, 1}, plane + std::int64_t{h} * dx.shape.w, dx.shape.w);
  });
}

/// The same for any stride: scatters into a padded plane and adds the middle of that.
void backward_input_plane_strided(const float* dy, const float* w, View<float> dx, float* plane, const Shape& y,
                                  const Window& window) {
  const std::int64_t stride = dx.shape.w + std::int64_t{2} * window.padding_w;
  float* padded = scratch(Slot::padded_image, stride * dx.shape.h);
  std::fill_n(padded, stride * dx.shape.h, 0.0F);
  for_each_meeting(dx.shape, y, window, [&](int p, int r, int h) {
    for (int s = 0; s < window.kernel_w; ++s) {
      float* to = padded + h * stride + s;
      const float* from = dy + std::int64_t{p} * y.w;
      for (std::int64_t q = 0; q < y.w; ++q) to[q * window.stride_w] += w[r * window.kernel_w + s] * from[q];
    }
  });
  for (std::int64_t h = 0; h < dx.shape.h; ++h)
    RowMap(plane + h * dx.shape.w, dx.shape.w) += ConstRowMap(padded + h * stride + window.padding_w, dx.shape.w);
}

/// products[r,s,q] += sum over p of dy[p,q] x[h, q*stride + s], for one plane; the sums over q come at the end.
void add_products(const PaddedPlane& x, const Shape& x_shape, const float* dy, const Shape& y, const Window& window,
                  float* products) {
  for_each_meeting(x_shape, y, window, [&](int p, int r, int h) {
    const float* gradient = dy + std::int64_t{p} * y.w;
    for (int s = 0; s < window.kernel_w; ++s) {
      const float* from = x.row(h) + s;
      float* to = products + (std::int64_t{r} * window.kernel_w + s) * y.w;
      if (window.stride_w == 1)
        for (int q = 0; q < y.w; ++q) to[q] += gradient[q] * from[q];
      else
        for (int q = 0; q < y.w; ++q) to[q] += gradient[q] * from[std::int64_t{q} * window.stride_w];
    }
  });
}

}  // namespace

void depthwise_forward(View<const float> x, View<const float> w, View<const float> b, View<float> y, const Window& window) {
  const int filters = w.shape.n / x.shape.c;
  for_each_plane(x.shape, work_of_plane(y.shape, window) * filters, [&](int n, int c) {
    const PaddedPlane padded = with_padding(&x(n, c, 0, 0), {x.shape.h, x.shape.w}, window.padding_w);
    for (int k = c * filters; k < (c + 1) * filters; ++k) {
      std::fill_n(&y(n, k, 0, 0), std::int64_t{y.shape.h} * y.shape.w, b.data == nullptr ? 0.0F : b.data[k]);
      for_each_meeting(x.shape, y.shape, window, [&](int p, int r, int h) {
        add_filtered(padded.row(h), {&w(k, 0, r, 0), window.kernel_w, window.stride_w}, &y(n, k, p, 0), y.shape.w);
      });
    }
  });
}

void depthwise_backward_input(View<const float> dy, View<const float> w, View<float> dx, const Window& window) {
  const int filters = w.shape.n / dx.shape.c;
  for_each_plane(dx.shape, work_of_plane(dy.shape, window) * filters, [&](int n, int c) {
    float* plane = &dx(n, c, 0, 0);
    std::fill_n(plane, std::int64_t{dx.shape.h} * dx.shape.w, 0.0F);
    for (int k = c * filters; k < (c + 1) * filters; ++k) {
      if (window.stride_w == 1)
        backward_input_plane(&dy(n, k, 0, 0), &w(k, 0, 0, 0), dx, plane, dy.shape, window);
      else
        backward_input_plane_strided(&dy(n, k, 0, 0), &w(k, 0, 0, 0), dx, plane, dy.shape, window);
    }
  });
}

void depthwise_backward_weights(View<const float> dy, View<const float> x, View<float> dw, View<float> db, const Window& window) {
  const int filters = dw.shape.n / x.shape.c;
  const std::int64_t taps = dw.shape.sample_count();
  const std::int64_t plane = std::int64_t{dy.shape.h} * dy.shape.w;
  const std::int64_t work = work_of_plane(dy.shape, window) * filters * x.shape.n;
  for_each_plane(x.shape.with_batch(1), work, [&](int, int c) {  // all images of a channel in one thread: always the same bits
    float* products = scratch(Slot::partial_sums, filters * taps * dy.shape.w);
    std::fill_n(products, filters * taps * dy.shape.w, 0.0F);
    for (int n = 0; n < x.shape.n; ++n) {
      const PaddedPlane padded = with_padding(&x(n, c, 0, 0), {x.shape.h, x.shape.w}, window.padding_w);
      for (int i = 0; i < filters; ++i) {
        const float* gradient = &dy(n, c * filters + i, 0, 0);
        add_products(padded, x.shape, gradient, dy.shape, window, products + i * taps * dy.shape.w);
        if (db.data != nullptr) db.data[c * filters + i] += ConstRowMap(gradient, plane).sum();
      }
    }
    for (std::int64_t i = 0; i < filters * taps; ++i)
      dw.data[c * filters * taps + i] += ConstRowMap(products + i * dy.shape.w, dy.shape.w).sum();
  });
}

}  // namespace convoy::cpu
