/// PoolSpans: what the windows of an average pooling cover, calculated once.
#pragma once

#include <deque>
#include <vector>

#include "reference/model/layer_part.h"

namespace convoy {

struct PoolSpans {
  std::vector<PoolSpan> rows, columns;
};

inline bool is_same_pool(const AvgPool2d& a, const AvgPool2d& b) {
  return a.window == b.window && a.count_include_pad == b.count_include_pad;
}
inline bool is_same_pool(const AdaptiveAvgPool2d& a, const AdaptiveAvgPool2d& b) {
  return a.output_h == b.output_h && a.output_w == b.output_w;
}

/// pool_rows() and pool_spans_w() of a part of images that have image.h rows and image.w columns. Every thread keeps what it was
/// asked for, since the next step asks for the same and must not allocate; the reference holds as long as the thread.
template <class Pool>
const PoolSpans& pool_spans(const Pool& pool, const Shape& image, const Box& x, const Box& y) {
  struct Known {
    Pool pool;
    int image_h, image_w;
    Slice x_rows, y_rows;
    PoolSpans spans;
  };
  thread_local std::deque<Known> known;  // never moves what is in it
  for (const Known& k : known)
    if (is_same_pool(k.pool, pool) && k.image_h == image.h && k.image_w == image.w && k.x_rows == x.h && k.y_rows == y.h)
      return k.spans;
  known.push_back({pool, image.h, image.w, x.h, y.h, {pool_rows(pool, image.h, x, y), pool_spans_w(pool, image.w)}});
  return known.back().spans;
}

}  // namespace convoy
