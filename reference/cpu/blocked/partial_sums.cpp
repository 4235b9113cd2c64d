#include "reference/cpu/blocked/partial_sums.h"

#include "reference/core/tensor.h"

namespace convoy::cpu::blocked {

double* zeroed_sums(std::int64_t parts, int blocks) {
  thread_local AlignedArray<double> memory;
  const std::int64_t count = parts * 2 * blocks * kBlock;
  if (memory.count() < count) memory = AlignedArray<double>(count);
  std::fill_n(memory.data(), count, 0.0);
  return memory.data();
}

void add_parts(const double* sums, std::int64_t parts, int channels, Slice slice, std::span<double> result) {
  const int lanes = blocks_of(channels) * kBlock;
  for (std::int64_t c = slice.offset; c < slice.end(); ++c) {
    double first = 0;
    double second = 0;
    for (std::int64_t part = 0; part < parts; ++part) {
      first += sums[part * 2 * lanes + c];
      second += sums[part * 2 * lanes + lanes + c];
    }
    result[static_cast<std::size_t>(c)] = first;
    result[static_cast<std::size_t>(channels + c)] = second;
  }
}

}  // namespace convoy::cpu::blocked
