#include <cstring>

#include "reference/cpu/checks.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/parallel.h"

namespace convoy::cpu {
namespace {

/// visit(from, to, count) for pieces of the block that are contiguous in both tensors, as long as they can be, divided among
/// the threads: rows of one channel; where the block has whole channels, channels of one sample; where it has whole samples, all
/// of it.
template <class Visit>
void for_each_run(View<const float> from, View<float> to, const Part& part, const Visit& visit) {
  const std::int64_t w = from.shape.w;
  const bool channels = part.h == from.shape.h && part.h == to.shape.h;
  const bool samples = channels && part.c == from.shape.c && part.c == to.shape.c;
  const std::int64_t length = w * part.h * (channels ? part.c : 1) * (samples ? part.n : 1);
  const std::int64_t runs_a_sample = channels ? 1 : part.c;
  const std::int64_t runs = samples ? 1 : part.n * runs_a_sample;
  parallel_slices(runs * length, kElementGrain, [&](Slice slice) {
    for (std::int64_t at = slice.offset; at < slice.end();) {
      const std::int64_t run = at / length;
      const std::int64_t skip = at % length;
      const std::int64_t count = std::min(length - skip, slice.end() - at);
      const int n = static_cast<int>(run / runs_a_sample);
      const int c = static_cast<int>(run % runs_a_sample);
      visit(&from(part.from_n + n, part.from_c + c, part.from_h, 0) + skip,
            &to(part.to_n + n, part.to_c + c, part.to_h, 0) + skip, count);
      at += count;
    }
  });
}

}  // namespace

void copy_part(View<const float> from, View<float> to, const Part& part) {
  check_part("copy_part", from.shape, to.shape, part);
  for_each_run(from, to, part, [](const float* source, float* target, std::int64_t count) {
    std::memcpy(target, source, static_cast<std::size_t>(count) * sizeof(float));
  });
}

void add_part(View<const float> from, View<float> to, const Part& part) {
  check_part("add_part", from.shape, to.shape, part);
  for_each_run(from, to, part, [](const float* source, float* target, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) target[i] += source[i];
  });
}

}  // namespace convoy::cpu
