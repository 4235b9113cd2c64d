/// Whether a program can use the GPU of this machine, decided from what driver and runtime answer. No CUDA in it, so that every answer can
/// be tried anywhere.
#pragma once

#include <cstdint>
#include <string>

#include "reference/cuda/error.h"

namespace convoy::cuda {

/// Turing, the oldest that CUDA 13 compiles for.
inline constexpr int kOldestChip = 75;

/// What the runtime answers when asked how many GPUs there are.
enum class Counting : std::uint8_t { counted, driver_too_old, none_found, failed };

struct Answers {
  int driver = 0;   ///< the newest CUDA that the driver knows, 13000 being 13.0; 0: there is no driver
  int runtime = 0;  ///< the CUDA that this was built with
  Counting counting = Counting::counted;
  std::string failure;  ///< words of CUDA, when counting failed
  int count = 0;        ///< GPUs
  int index = 0;        ///< the one that is wanted
  std::string name;     ///< its name; asked for once it is known to be there, as what follows
  int major = 0, minor = 0;
  bool has_kernels = true;  ///< whether this program holds kernels for its chip
};

/// Throws DeviceError, one sentence that says what is wrong and what to do, unless this GPU can be used. Name, chip and kernels are looked
/// at only when `with_chip`.
void require_usable(const Answers& answers, bool with_chip);

}  // namespace convoy::cuda
