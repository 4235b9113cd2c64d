/// Copying and adding blocks of tensors in plain loops: packing slices for messages, Concat, halos.
#pragma once

#include "reference/core/tensor.h"
#include "reference/cpu/checks.h"
#include "reference/cpu/types.h"

namespace convoy::cpu::naive {

/// to[to_n + n, to_c + c, to_h + h, w] = from[from_n + n, from_c + c, from_h + h, w] for all n, c, h of the part and all w.
/// Everything else of `to` stays as it is. The blocks must not overlap in memory.
template <class T>
void copy_part(View<const T> from, View<T> to, const Part& part) {
  check_part("naive::copy_part", from.shape, to.shape, part);
  for (int n = 0; n < part.n; ++n)
    for (int c = 0; c < part.c; ++c)
      for (int h = 0; h < part.h; ++h)
        for (int w = 0; w < from.shape.w; ++w)
          to(part.to_n + n, part.to_c + c, part.to_h + h, w) = from(part.from_n + n, part.from_c + c, part.from_h + h, w);
}

/// The same with += for =.
template <class T>
void add_part(View<const T> from, View<T> to, const Part& part) {
  check_part("naive::add_part", from.shape, to.shape, part);
  for (int n = 0; n < part.n; ++n)
    for (int c = 0; c < part.c; ++c)
      for (int h = 0; h < part.h; ++h)
        for (int w = 0; w < from.shape.w; ++w)
          to(part.to_n + n, part.to_c + c, part.to_h + h, w) += from(part.from_n + n, part.from_c + c, part.from_h + h, w);
}

}  // namespace convoy::cpu::naive
