/// Panels of a convolution: it becomes a matrix product when every output pixel gets a column with the inputs it reads.
///
///     y [K, pixels] = w [K, C*R*S] * columns [C*R*S, pixels]
///     columns[(c,r,s), (n,p,q)] = x[n, c, p*stride + r*dilation, q*stride + s*dilation]
///
/// The columns of a whole batch would take R*S times the memory of x, so they are made for one panel at a time, some rows of
/// one output image or, when images are small, several images, and for a few channels at a time (channels_of_panel()).
#pragma once

#include "reference/core/shape.h"
#include "reference/core/tensor.h"
#include "reference/cpu/matrix.h"
#include "reference/model/layer.h"

namespace convoy::cpu {

/// Output rows [row, row + rows) of the images [image, image + images); more than one image only with all their rows.
struct Panel {
  int image = 0, images = 0;
  int row = 0, rows = 0;
};

/// The panels of a batch of outputs. Panel i covers image group i / panels_an_image; groups are divided as shard() divides.
struct PanelGrid {
  Shape y;
  int groups = 0;           ///< groups of images
  int panels_an_image = 1;  ///< more than 1 only when a group is one image

  [[nodiscard]] int count() const { return groups * panels_an_image; }
  [[nodiscard]] Panel panel(int index) const;
  [[nodiscard]] std::int64_t pixels(const Panel& panel) const { return std::int64_t{panel.images} * panel.rows * y.w; }
};

/// Panels of about 1,024 pixels: enough that reading the filters is paid for.
/// The number of groups is a multiple of `threads` where there are enough images.
PanelGrid make_panels(const Shape& y, int threads);

/// Channels of which the columns of so many pixels take half a megabyte: they are made, and used while they are in the second cache.
int channels_of_panel(const Window& window, std::int64_t pixels);

/// Some channels of a tensor.
struct ChannelRange {
  int first = 0, count = 0;
};

/// columns [C*R*S, pixels] of a panel, row stride = pixels, for C channels of x. `columns` has room for im2col_floats().
void im2col(View<const float> x, ChannelRange channels, const Window& window, const PanelGrid& grid, const Panel& panel,
            float* columns);
/// Floats that im2col writes to for `depth` = C*R*S, a few beyond the matrix included.
std::int64_t im2col_floats(std::int64_t depth, std::int64_t pixels);

/// The transpose of im2col: adds every entry of columns, made from channels [channel, channel + channels) only, to the element
/// of dx that im2col reads it from. columns: [channels*R*S, pixels]   dx: [N,C,H,W], accumulated.
void col2im(const float* columns, ChannelRange channels, View<float> dx, const Window& window, const PanelGrid& grid,
            const Panel& panel);

}  // namespace convoy::cpu
