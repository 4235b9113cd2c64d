/// Layers on a part of a tensor: a rank that makes box `y` from box `x` runs the same kernel with other settings.
#pragma once

#include "reference/core/box.h"
#include "reference/model/layer.h"

namespace convoy {

/// The layer that makes y.shape() from x.shape(), where y and x are boxes of the whole output and input: fewer filters and
/// groups, and the padding that is left at this place of the image. Rows of x that the first window does not need count as
/// negative padding. Average poolings get the window only: what an output row divides by depends on the whole image, see
/// pool_rows().
Layer layer_on_part(const Layer& layer, const Box& x, const Box& y);

/// Of an average pooling of an image with `image_rows` rows: what each row of y covers, counted from the first row of x.
template <class Pool>
std::vector<PoolSpan> pool_rows(const Pool& pool, int image_rows, const Box& x, const Box& y) {
  const std::vector<PoolSpan> all = pool_spans_h(pool, image_rows);
  std::vector<PoolSpan> rows(all.begin() + y.h.offset, all.begin() + y.h.end());
  for (PoolSpan& row : rows) {
    row.begin -= static_cast<int>(x.h.offset);
    row.end -= static_cast<int>(x.h.offset);
  }
  return rows;
}

}  // namespace convoy
