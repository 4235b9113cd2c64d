#include "reference/cpu/scratch.h"

#include <array>

#include "reference/core/tensor.h"

namespace convoy::cpu {

float* scratch(Slot slot, std::int64_t count) {
  thread_local std::array<AlignedArray<float>, static_cast<std::size_t>(Slot::count)> buffers;
  AlignedArray<float>& buffer = buffers[static_cast<std::size_t>(slot)];
  if (buffer.count() < count) {
    buffer = {};  // free the old one first: both at once could be more than there is
    buffer = AlignedArray<float>(count);
  }
  return buffer.data();
}

}  // namespace convoy::cpu
