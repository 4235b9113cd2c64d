#include <cmath>

#include "reference/core/random.h"
#include "reference/cpu/checks.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/parallel.h"

namespace convoy::cpu {
namespace {

/// out = in with the elements of `key` dropped and the others scaled: forward and backward are the same operation.
void drop(View<const float> in, View<float> out, double probability, const DropoutKey& key) {
  const auto scale = static_cast<float>(1.0 / (1.0 - probability));
  // unit_interval(bits) = (bits >> 11) / 2^53 is exact, and so is probability * 2^53: the comparison is one of integers.
  const auto limit = static_cast<std::uint64_t>(std::ceil(probability * 0x1.0p53));
  const Shape& shape = in.shape;
  const std::int64_t rows = std::int64_t{shape.n} * shape.c * shape.h;
  const std::int64_t grain = kElementGrain / 4 / std::max(shape.w, 1) + 1;
  parallel_slices(rows, grain, [&](Slice slice) {
    for (std::int64_t row = slice.offset; row < slice.end(); ++row) {
      const std::int64_t h = key.first_row + row % shape.h;
      const std::int64_t c = key.first_channel + row / shape.h % shape.c;
      const std::int64_t n = row / shape.h / shape.c;
      // random_bits takes its keys in one at a time; all but the column are the same along a row.
      const std::uint64_t state = random_bits(key.seed, key.step, key.node, key.first_sample + n, c, h);
      const float* from = in.data + row * shape.w;
      float* to = out.data + row * shape.w;
      for (int w = 0; w < shape.w; ++w)
        to[w] = (mix64(state ^ static_cast<std::uint64_t>(w)) >> 11U) < limit ? 0.0F : from[w] * scale;
    }
  });
}

}  // namespace

void dropout_forward(View<const float> x, View<float> y, double probability, const DropoutKey& key) {
  check_dropout("dropout_forward", probability);
  check_shape("dropout_forward", "y", y.shape, x.shape);
  drop(x, y, probability, key);
}

void dropout_backward_input(View<const float> dy, View<float> dx, double probability, const DropoutKey& key) {
  check_dropout("dropout_backward_input", probability);
  check_shape("dropout_backward_input", "dx", dx.shape, dy.shape);
  drop(dy, dx, probability, key);
}

}  // namespace convoy::cpu
