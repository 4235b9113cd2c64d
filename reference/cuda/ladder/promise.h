/// Promise: what a rung says about itself, which the emulator holds it to.
#pragma once

#include <cstdint>

namespace convoy::cuda::ladder {

/// Counted over a whole launch with arrays that begin on multiples of 128 bytes. Every rung has a function that works them out for
/// sizes that its tiles divide.
struct Promise {
  std::int64_t load_transactions = 0;   ///< sectors of 32 bytes that warps load from global memory
  std::int64_t store_transactions = 0;  ///< and store
  std::int64_t bank_conflicts = 0;
  std::int64_t barriers = 0;
  friend bool operator==(const Promise&, const Promise&) = default;
};

/// Floats in a sector, lanes in a warp.
inline constexpr std::int64_t kSectorFloats = 8;
inline constexpr std::int64_t kLanes = 32;

/// Sectors of `count` floats that follow one another, the first being number `first` of an array.
constexpr std::int64_t sectors(std::int64_t first, std::int64_t count) {
  return (first + count - 1) / kSectorFloats - first / kSectorFloats + 1;
}

}  // namespace convoy::cuda::ladder
