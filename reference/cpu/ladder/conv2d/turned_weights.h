/// TurnedWeights: filters in the order in which blocked convolutions read them, sixteen filters together.
#pragma once

#include <vector>

#include "reference/core/tensor.h"
#include "reference/cpu/blocked/vector.h"
#include "reference/cpu/blocked/view.h"

namespace convoy::cpu::ladder {

/// [ceil(K/16)][C][R][S][16] from [K,C,R,S]; filters that do not exist are zero, so that the lanes of padding of y become zero.
class TurnedWeights {
 public:
  explicit TurnedWeights(View<const float> w)
      : shape_(w.shape), values_(static_cast<std::size_t>(place(blocked::blocks_of(w.shape.n), 0, 0, 0))) {
    for (int k = 0; k < w.shape.n; ++k)
      for (int c = 0; c < w.shape.c; ++c)
        for (int r = 0; r < w.shape.h; ++r)
          for (int s = 0; s < w.shape.w; ++s)
            values_[static_cast<std::size_t>(place(k / blocked::kBlock, c, r, s))][k % blocked::kBlock] = w(k, c, r, s);
  }
  /// Element (c, r, s) of the sixteen filters of a block.
  [[nodiscard]] const blocked::Vec& at(int block, int c, int r, int s) const {
    return values_[static_cast<std::size_t>(place(block, c, r, s))];
  }

 private:
  [[nodiscard]] std::int64_t place(int block, int c, int r, int s) const {
    return ((std::int64_t{block} * shape_.c + c) * shape_.h + r) * shape_.w + s;
  }
  Shape shape_;
  std::vector<blocked::Vec> values_;
};

}  // namespace convoy::cpu::ladder
