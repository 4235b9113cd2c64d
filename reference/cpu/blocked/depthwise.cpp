#include "reference/cpu/blocked/depthwise.h"

#include <algorithm>

#include "reference/cpu/blocked/checks.h"
#include "reference/cpu/blocked/partial_sums.h"
#include "reference/cpu/blocked/taps.h"
#include "reference/cpu/blocked/vector.h"
#include "reference/cpu/scratch.h"

// Note [depthwise on blocks]: nothing is added up over channels, so every pass is limited by loads. A weight that is loaded
// serves four pixels, and planes are read from a copy with zeros around, so that no loop asks where it is. With a stride of 1 the
// input gradient is forward with the window turned round; with another one, gradients are scattered into a plane with room
// around.

namespace convoy::cpu::blocked::depthwise {
namespace {

constexpr int kPixels = 4;  // that share a weight

/// A plane of rows x columns pixels.
template <class T>
struct PlaneOf {
  T* data = nullptr;
  int rows = 0, columns = 0;
  [[nodiscard]] T* at(int row, int column) const { return data + (std::int64_t{row} * columns + column) * kBlock; }
  [[nodiscard]] std::int64_t row() const { return std::int64_t{columns} * kBlock; }
};
using Plane = PlaneOf<float>;

/// How far a plane is moved: pixel (i, j) of the copy is (i - down, j - right).
struct Shift {
  int down = 0, right = 0;
};

/// Copies an image of h x w into a plane, with zeros around, and where the mask is not positive.
void copy_moved(const float* from, const float* mask, const Shape& image, const Shift& shift, const Plane& to) {
  const int begin = std::clamp(shift.right, 0, to.columns);
  const int end = std::clamp(image.w + shift.right, begin, to.columns);
  for (int i = 0; i < to.rows; ++i) {
    const int row = i - shift.down;
    if (row < 0 || row >= image.h) {
      std::fill_n(to.at(i, 0), to.row(), 0.0F);
      continue;
    }
    std::fill_n(to.at(i, 0), std::int64_t{begin} * kBlock, 0.0F);
    std::fill_n(to.at(i, end), std::int64_t{to.columns - end} * kBlock, 0.0F);
    const std::int64_t source = (std::int64_t{row} * image.w + begin - shift.right) * kBlock;
    for (std::int64_t k = 0; k < std::int64_t{end - begin} * kBlock; k += kBlock) {
      Vec v = as_vec(from + source + k);
      if (mask != nullptr) keep_where_positive(v, as_vec(mask + source + k));
      as_vec(to.at(i, begin) + k) = v;
    }
  }
}

/// The filters of a block, [taps][16]; turned round when wanted.
struct alignas(64) Filters {
  float value[kMaxTaps * kBlock];
  Filters(View<const float> w, int block, bool turned) {
    const int taps = w.shape.h * w.shape.w;
    std::fill_n(value, taps * kBlock, 0.0F);
    for (int lane = 0; lane < lanes_of(w.shape.n, block); ++lane)
      for (int tap = 0; tap < taps; ++tap)
        value[(turned ? taps - 1 - tap : tap) * kBlock + lane] = w.data[(std::int64_t{block} * kBlock + lane) * taps + tap];
  }
};

/// What all rows of a plane have in common.
struct Row {
  int kernel_h = 0, kernel_w = 0;
  std::int64_t x_row = 0;   ///< floats from row to row of x
  std::int64_t x_step = 0;  ///< floats of x from pixel to pixel of y
  bool relu = false;
};

/// T pixels of y. S: columns of the window, when it is known.
template <int T, int S>
CONVOY_INLINE void filter_pixels(const Row& row, const float* x, const float* w, const Vec& bias, float* y) {
  Vec total[static_cast<std::size_t>(T)];
#pragma GCC unroll 4
  for (int t = 0; t < T; ++t) total[t] = bias;
  const int columns = S > 0 ? S : row.kernel_w;
  for (int r = 0; r < row.kernel_h; ++r, x += row.x_row) {
#pragma GCC unroll 5
    for (int s = 0; s < columns; ++s, w += kBlock) {
      const Vec weight = as_vec(w);
#pragma GCC unroll 4
      for (int t = 0; t < T; ++t) total[t] += weight * as_vec(x + t * row.x_step + std::int64_t{s} * kBlock);
    }
  }
#pragma GCC unroll 4
  for (int t = 0; t < T; ++t) {
    if (row.relu) apply_relu(total[t]);
    as_vec(y + t * kBlock) = total[t];
  }
}

template <int S>
void filter_row(const Row& row, const float* x, const float* w, const Vec& bias, float* y, int count) {
  int q = 0;
  for (; q + kPixels <= count; q += kPixels, x += kPixels * row.x_step, y += kPixels * kBlock)
    filter_pixels<kPixels, S>(row, x, w, bias, y);
  for (; q < count; ++q, x += row.x_step, y += kBlock) filter_pixels<1, S>(row, x, w, bias, y);
}

void filter_row(const Row& row, const float* x, const float* w, const Vec& bias, float* y, int count) {
  if (row.kernel_w == 3) return filter_row<3>(row, x, w, bias, y, count);
  if (row.kernel_w == 5) return filter_row<5>(row, x, w, bias, y, count);
  filter_row<0>(row, x, w, bias, y, count);
}

/// The pixels that the windows of an output read.
Plane with_room(Slot slot, const Shape& y, const Window& window) {
  const int rows = (y.h - 1) * window.stride_h + window.kernel_h;
  const int columns = (y.w - 1) * window.stride_w + window.kernel_w;
  return {scratch(slot, std::int64_t{rows} * columns * kBlock), rows, columns};
}

/// dx of a plane, for strides above 1.
void scatter(const Plane& gradient, const Filters& filters, const Window& window, const Plane& room) {
  std::fill_n(room.data, room.rows * room.row(), 0.0F);
  for (int p = 0; p < gradient.rows; ++p)
    for (int q = 0; q < gradient.columns; ++q) {
      const Vec g = as_vec(gradient.at(p, q));
      const float* w = filters.value;
      for (int r = 0; r < window.kernel_h; ++r) {
        float* to = room.at(p * window.stride_h + r, q * window.stride_w);
        for (int s = 0; s < window.kernel_w; ++s, to += kBlock, w += kBlock) as_vec(to) += g * as_vec(w);
      }
    }
}

/// sums[s] += sum over q of dy[q] x[q stride + s], for S neighbouring elements of a row of the window.
template <int S>
CONVOY_INLINE void add_products(const float* dy, const float* x, std::int64_t x_step, int count, float* sums) {
  Vec total[static_cast<std::size_t>(S)];
#pragma GCC unroll 5
  for (int s = 0; s < S; ++s) total[s] = as_vec(sums + s * kBlock);
  for (int q = 0; q < count; ++q, dy += kBlock, x += x_step) {
    const Vec g = as_vec(dy);
#pragma GCC unroll 5
    for (int s = 0; s < S; ++s) total[s] += g * as_vec(x + s * kBlock);
  }
#pragma GCC unroll 5
  for (int s = 0; s < S; ++s) as_vec(sums + s * kBlock) = total[s];
}

void add_products(const float* dy, const float* x, std::int64_t x_step, int count, int columns, float* sums) {
  if (columns == 3) return add_products<3>(dy, x, x_step, count, sums);
  if (columns == 5) return add_products<5>(dy, x, x_step, count, sums);
  for (int s = 0; s < columns; ++s) add_products<1>(dy, x + s * kBlock, x_step, count, sums + s * kBlock);
}

}  // namespace

bool possible(const Shape& x, const Shape& w, const Window& window) {
  return w.c == 1 && x.c > 1 && w.n == x.c && window.dilation_h == 1 && window.dilation_w == 1 && w.h * w.w <= kMaxTaps;
}

void forward(BlockedView<const float> x, View<const float> w, View<const float> b, BlockedView<float> y, const Window& window,
             const Epilogue& epilogue) {
  const auto filter_plane = [&](std::int64_t plane, int block) {
    const Plane room = with_room(Slot::padded_image, y.shape, window);
    copy_moved(x.data + plane * x.plane(), nullptr, x.shape, {window.padding_h, window.padding_w}, room);
    const Filters filters(w, block, false);
    Vec bias{};
    if (b.data != nullptr)
      for (int lane = 0; lane < lanes_of(b.shape.c, block); ++lane) bias[lane] = b.data[block * kBlock + lane];
    const Row row{window.kernel_h, window.kernel_w, room.row(), std::int64_t{window.stride_w} * kBlock, epilogue.relu};
    float* out = y.data + plane * y.plane();
    for (int p = 0; p < y.shape.h; ++p)
      filter_row(row, room.at(p * window.stride_h, 0), filters.value, bias, out + p * y.row(), y.shape.w);
  };
  if (epilogue.sums.empty()) return for_each_plane(y.shape, filter_plane);
  const auto channels = static_cast<std::size_t>(y.shape.c);
  sum_over_planes(y.shape, epilogue.sums.first(2 * channels),
                  [&](std::int64_t plane, int block, DoubleSums& sum, DoubleSums& squares) {
                    filter_plane(plane, block);
                    for (std::int64_t row = 0; row < y.plane(); row += y.row()) {
                      Vec a{}, square{};
                      for (std::int64_t i = row; i < row + y.row(); i += kBlock) {
                        const Vec v = as_vec(y.data + plane * y.plane() + i);
                        a += v;
                        square += v * v;
                      }
                      sum.add(a);
                      squares.add(square);
                    }
                  });
  epilogue.sums.back() = static_cast<double>(y.shape.n) * y.shape.h * y.shape.w;
}

void backward_input(BlockedView<const float> dy, const float* mask, View<const float> w, BlockedView<float> dx,
                    const Window& window) {
  const bool gathers = window.stride_h == 1 && window.stride_w == 1;
  for_each_plane(dx.shape, [&](std::int64_t plane, int block) {
    const float* from = dy.data + plane * dy.plane();
    const float* where = mask == nullptr ? nullptr : mask + plane * dy.plane();
    float* to = dx.data + plane * dx.plane();
    const Filters filters(w, block, gathers);
    if (gathers) {
      const Plane room = with_room(Slot::padded_image, dx.shape, window);
      copy_moved(from, where, dy.shape, {window.kernel_h - 1 - window.padding_h, window.kernel_w - 1 - window.padding_w}, room);
      const Row row{window.kernel_h, window.kernel_w, room.row(), kBlock, false};
      for (int h = 0; h < dx.shape.h; ++h) filter_row(row, room.at(h, 0), filters.value, Vec{}, to + h * dx.row(), dx.shape.w);
      return;
    }
    const Plane gradient{scratch(Slot::masked_gradient, dy.plane()), dy.shape.h, dy.shape.w};
    copy_moved(from, where, dy.shape, {}, gradient);
    const Plane room = with_room(Slot::padded_image, dy.shape, window);
    scatter(gradient, filters, window, room);
    copy_moved(room.data, nullptr, {1, 1, room.rows, room.columns}, {-window.padding_h, -window.padding_w},
               {to, dx.shape.h, dx.shape.w});
  });
}

void backward_weights(BlockedView<const float> dy, const float* mask, BlockedView<const float> x, View<float> dw, View<float> db,
                      const Window& window) {
  const int taps = window.kernel_h * window.kernel_w;
  parallel_for(x.blocks(), [&](std::int64_t block) {  // all images of a block in one thread: always the same bits
    alignas(64) float total[kMaxTaps * kBlock] = {};
    DoubleSums bias;
    for (int n = 0; n < x.shape.n; ++n) {
      const std::int64_t plane = n * x.blocks() + block;
      const Plane room = with_room(Slot::padded_image, dy.shape, window);
      copy_moved(x.data + plane * x.plane(), nullptr, x.shape, {window.padding_h, window.padding_w}, room);
      PlaneOf<const float> gradient{dy.data + plane * dy.plane(), dy.shape.h, dy.shape.w};
      if (mask != nullptr) {
        const Plane masked{scratch(Slot::masked_gradient, dy.plane()), dy.shape.h, dy.shape.w};
        copy_moved(gradient.data, mask + plane * dy.plane(), dy.shape, {}, masked);
        gradient.data = masked.data;
      }
      for (int r = 0; r < window.kernel_h; ++r) {
        alignas(64) float sums[kMaxTaps * kBlock];  // of this image: sums of many images stay exact
        std::fill_n(sums, window.kernel_w * kBlock, 0.0F);
        for (int p = 0; p < dy.shape.h; ++p)
          add_products(gradient.at(p, 0), room.at(p * window.stride_h + r, 0), std::int64_t{window.stride_w} * kBlock, dy.shape.w,
                       window.kernel_w, sums);
        for (int i = 0; i < window.kernel_w * kBlock; ++i) total[r * window.kernel_w * kBlock + i] += sums[i];
      }
      if (db.data == nullptr) continue;
      for (int p = 0; p < dy.shape.h; ++p) {
        Vec sum{};
        for (int q = 0; q < dy.shape.w; ++q) sum += as_vec(gradient.at(p, q));
        bias.add(sum);
      }
    }
    for (int lane = 0; lane < lanes_of(x.shape.c, static_cast<int>(block)); ++lane) {
      const std::int64_t filter = block * kBlock + lane;
      for (int tap = 0; tap < taps; ++tap) dw.data[filter * taps + tap] += total[tap * kBlock + lane];
      if (db.data != nullptr) db.data[filter] += static_cast<float>(bias.lane(lane));
    }
  });
}

}  // namespace convoy::cpu::blocked::depthwise
