#include "reference/core/error.h"
#include "reference/cpu/checks.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/parallel.h"

namespace convoy::cpu {

void sum(std::span<const View<const float>> xs, View<float> y) {
  require(!xs.empty(), "sum", "nothing to add");
  for (const View<const float>& x : xs) check_shape("sum", "x", x.shape, y.shape);
  parallel_slices(y.count(), kElementGrain, [&](Slice slice) {
    float* to = y.data + slice.offset;
    const float* first = xs[0].data + slice.offset;
    if (xs.size() == 1) {
      if (first != to) std::copy_n(first, slice.count, to);
      return;
    }
    const float* second = xs[1].data + slice.offset;
    for (std::int64_t i = 0; i < slice.count; ++i) to[i] = first[i] + second[i];
    for (std::size_t j = 2; j < xs.size(); ++j) {
      const float* next = xs[j].data + slice.offset;
      for (std::int64_t i = 0; i < slice.count; ++i) to[i] += next[i];
    }
  });
}

}  // namespace convoy::cpu
