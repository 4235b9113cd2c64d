#include "reference/cpu/im2col.h"

#include <algorithm>
#include <cstring>

#include "reference/core/shard.h"
#include "reference/cpu/scratch.h"

// Note [padded images]: both directions work on a copy of the panel's input rows with the zeros of the padding around them,
// so that the loops over output pixels have no conditions. The copy is R*S times smaller than the columns.
//
// Note [copying past the end]: rows of small images are a few floats long, and calling memcpy for each costs more than the
// copy. im2col copies whole registers and lets the end of a row spill over: rows are written in ascending order, so the next
// one overwrites what spilled. The image and the columns have kSpill floats of room behind them for the last row.

namespace convoy::cpu {
namespace {

constexpr int kSpill = 16;
constexpr std::int64_t kPanelPixels = 1024;

/// The input rows that a panel reads, with padding: [images, channels, h, w].
struct PaddedRows {
  int first = 0;  ///< row of x in row 0; negative when that is padding
  int h = 0, w = 0;
};

PaddedRows padded_rows(const Shape& x, const Window& window, const Panel& panel) {
  return {panel.row * window.stride_h - window.padding_h, (panel.rows - 1) * window.stride_h + window.span_h(),
          x.w + 2 * window.padding_w};
}

/// visit(row of x, row of the padded image) for all rows of all images and channels; the first is null in the padding.
template <class T, class Visit>
void for_each_row(View<T> x, ChannelRange channels, const Panel& panel, const PaddedRows& rows, float* padded,
                  const Visit& visit) {
  for (int n = panel.image; n < panel.image + panel.images; ++n) {
    for (int c = channels.first; c < channels.first + channels.count; ++c) {
      for (int h = rows.first; h < rows.first + rows.h; ++h, padded += rows.w)
        visit(h < 0 || h >= x.shape.h ? nullptr : &x(n, c, h, 0), padded);
    }
  }
}

/// Copies `count` floats, and up to kSpill - 1 more: see Note [copying past the end].
inline void copy_spilling(const float* from, float* to, int count) {
  for (int i = 0; i < count; i += kSpill) std::memcpy(to + i, from + i, kSpill * sizeof(float));
}

inline void copy_strided(const float* from, float* to, int count, int stride) {
  for (int i = 0; i < count; ++i) to[i] = from[std::int64_t{i} * stride];
}

/// Adds `count` floats to every stride-th of `to`.
template <int kStride>
inline void add_run(const float* from, float* to, int count, int stride) {
  const std::int64_t step = kStride > 0 ? kStride : stride;  // 0: not known to the compiler
  for (int i = 0; i < count; ++i) to[i * step] += from[i];
}

/// Where the rows of the columns lie in the padded image.
struct Walk {
  PaddedRows rows;
  int channels = 0;
  Window window;
  Panel panel;
  int q = 0;  ///< output columns
};

/// visit(offset in the padded image, offset in the columns) for each run of q output pixels, in the order of the columns.
template <class Visit>
void for_each_run(const Walk& walk, const Visit& visit) {
  const std::int64_t plane = std::int64_t{walk.rows.h} * walk.rows.w;
  std::int64_t to = 0;
  for (int c = 0; c < walk.channels; ++c) {
    for (int r = 0; r < walk.window.kernel_h; ++r) {
      for (int s = 0; s < walk.window.kernel_w; ++s) {
        for (int n = 0; n < walk.panel.images; ++n) {
          std::int64_t from = (std::int64_t{n} * walk.channels + c) * plane +
                              std::int64_t{r} * walk.window.dilation_h * walk.rows.w + s * walk.window.dilation_w;
          for (int p = 0; p < walk.panel.rows; ++p, to += walk.q, from += std::int64_t{walk.window.stride_h} * walk.rows.w)
            visit(from, to);
        }
      }
    }
  }
}

}  // namespace

Panel PanelGrid::panel(int index) const {
  const Slice images = shard(y.n, groups, index / panels_an_image);
  const Slice rows = shard(y.h, panels_an_image, index % panels_an_image);
  return {static_cast<int>(images.offset), static_cast<int>(images.count), static_cast<int>(rows.offset),
          static_cast<int>(rows.count)};
}

PanelGrid make_panels(const Shape& y, int threads) {
  const std::int64_t pixels = std::int64_t{y.h} * y.w;
  if (pixels > kPanelPixels) {
    const std::int64_t panels = (pixels + kPanelPixels - 1) / kPanelPixels;
    return {y, y.n, static_cast<int>(std::min<std::int64_t>(panels, y.h))};
  }
  const std::int64_t images = kPanelPixels / pixels;  // a panel
  const std::int64_t panels = (y.n + images - 1) / images;
  return {y, static_cast<int>(std::min<std::int64_t>((panels + threads - 1) / threads * threads, y.n)), 1};
}

int channels_of_panel(const Window& window, std::int64_t pixels) {
  constexpr std::int64_t kFloats = 128 * 1024;
  return static_cast<int>(std::max<std::int64_t>(1, kFloats / (std::int64_t{window.kernel_h} * window.kernel_w * pixels)));
}

std::int64_t im2col_floats(std::int64_t depth, std::int64_t pixels) { return depth * pixels + kSpill; }

void im2col(View<const float> x, ChannelRange channels, const Window& window, const PanelGrid& grid, const Panel& panel,
            float* columns) {
  const PaddedRows rows = padded_rows(x.shape, window, panel);
  const std::int64_t size = std::int64_t{panel.images} * channels.count * rows.h * rows.w;
  float* padded = scratch(Slot::padded_image, size + kSpill);
  std::fill_n(padded + size, kSpill, 0.0F);  // never used, but read
  for_each_row(x, channels, panel, rows, padded, [&](const float* from, float* to) {
    if (from == nullptr) {
      std::fill_n(to, rows.w, 0.0F);
      return;
    }
    std::fill_n(to, window.padding_w, 0.0F);
    std::copy_n(from, x.shape.w, to + window.padding_w);
    std::fill_n(to + window.padding_w + x.shape.w, window.padding_w, 0.0F);
  });
  const int q = grid.y.w;
  for_each_run({rows, channels.count, window, panel, q}, [&](std::int64_t from, std::int64_t to) {
    if (window.stride_w == 1)
      copy_spilling(padded + from, columns + to, q);
    else
      copy_strided(padded + from, columns + to, q, window.stride_w);
  });
}

void col2im(const float* columns, ChannelRange channels, View<float> dx, const Window& window, const PanelGrid& grid,
            const Panel& panel) {
  const PaddedRows rows = padded_rows(dx.shape, window, panel);
  const std::int64_t size = std::int64_t{panel.images} * channels.count * rows.h * rows.w;
  float* padded = scratch(Slot::padded_image, size);
  std::fill_n(padded, size, 0.0F);
  const int q = grid.y.w;
  for_each_run({rows, channels.count, window, panel, q}, [&](std::int64_t to, std::int64_t from) {
    if (window.stride_w == 1)
      add_run<1>(columns + from, padded + to, q, 1);
    else
      add_run<0>(columns + from, padded + to, q, window.stride_w);
  });
  for_each_row(dx, channels, panel, rows, padded, [&](float* to, const float* from) {
    if (to == nullptr) return;
    for (int w = 0; w < dx.shape.w; ++w) to[w] += from[window.padding_w + w];
  });
}

}  // namespace convoy::cpu
