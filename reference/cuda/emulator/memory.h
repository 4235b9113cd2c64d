/// Device memory of the emulator: allocations with a name, and which of their bytes have been written.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "reference/cuda/emulator/emulator.h"
#include "reference/cuda/emulator/shadow.h"

namespace convoy::cuda::emulator {

/// Memory on both sides of an allocation that belongs to it and to nobody, where near misses land.
inline constexpr std::int64_t kMargin_bytes = 4096;

struct Allocation {
  std::string name;
  std::uintptr_t begin = 0;
  std::int64_t bytes = 0;
  int element_bytes = 1;
  std::vector<std::uint8_t> written;  ///< by byte
  Shadow shadow;
  std::vector<std::byte> memory;
  [[nodiscard]] bool holds(std::uintptr_t address, std::int64_t count) const {
    return address >= begin && address + static_cast<std::uintptr_t>(count) <= begin + static_cast<std::uintptr_t>(bytes);
  }
};

class Memory {
 public:
  void* allocate(std::int64_t bytes, const std::string& name, int element_bytes);
  void release(void* memory);
  /// The allocation in which, or in whose margins, an address lies; null when there is none.
  Allocation* find(std::uintptr_t address);
  [[nodiscard]] std::int64_t allocated_bytes() const { return allocated_bytes_; }

 private:
  std::map<std::uintptr_t, Allocation> allocations_;  ///< by the first byte of their margin
  Allocation* last_ = nullptr;                        ///< found, since accesses come in rows
  std::int64_t allocated_bytes_ = 0;
};

}  // namespace convoy::cuda::emulator
