/// Scratch memory of kernels: a few buffers a thread, grown when needed and kept, so that a training step allocates nothing.
#pragma once

#include <cstdint>

namespace convoy::cpu {

/// What a buffer is for. Two buffers that are needed at the same time in one thread have different slots.
enum class Slot : std::uint8_t {
  padded_image,
  columns,
  product,
  gathered,
  partial_sums,
  // of reference/cpu/blocked
  plain_input,
  plain_output,
  masked_gradient,
  packed_weights,
  packed_input,
  weight_gradients,
  winograd_input,
  winograd_output,
  count  ///< how many there are
};

/// At least `count` floats of the calling thread, on a 64-byte boundary, with any content. Valid until the thread asks for the
/// same slot again.
float* scratch(Slot slot, std::int64_t count);

}  // namespace convoy::cpu
