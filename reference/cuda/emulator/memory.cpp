#include "reference/cuda/emulator/memory.h"

#include "reference/core/error.h"

namespace convoy::cuda::emulator {
namespace {

constexpr std::uintptr_t kAlignment_bytes = 256;  // of cudaMalloc

}  // namespace

void* Memory::allocate(std::int64_t bytes, const std::string& name, int element_bytes) {
  require(bytes >= 0 && element_bytes > 0, "emulator::allocate", bytes, " bytes of ", element_bytes, "-byte elements");
  Allocation made;
  made.name = name;
  made.bytes = bytes;
  made.element_bytes = element_bytes;
  made.memory.resize(static_cast<std::size_t>(bytes + 2 * kMargin_bytes) + kAlignment_bytes, std::byte{0xff});
  made.written.resize(static_cast<std::size_t>(bytes), 0);
  made.shadow = Shadow(bytes, 4);
  const auto start = reinterpret_cast<std::uintptr_t>(made.memory.data());
  made.begin = (start + kMargin_bytes + kAlignment_bytes - 1) / kAlignment_bytes * kAlignment_bytes;
  const std::uintptr_t begin = made.begin;
  allocations_.emplace(begin - kMargin_bytes, std::move(made));
  allocated_bytes_ += bytes;
  return reinterpret_cast<void*>(begin);
}

void Memory::release(void* memory) {
  if (memory == nullptr) return;
  const auto found = allocations_.find(reinterpret_cast<std::uintptr_t>(memory) - kMargin_bytes);
  require(found != allocations_.end(), "emulator::release", "not a beginning of device memory");
  allocated_bytes_ -= found->second.bytes;
  last_ = nullptr;
  allocations_.erase(found);
}

Allocation* Memory::find(std::uintptr_t address) {
  const auto in_reach = [&](const Allocation& a) {
    return address + kMargin_bytes >= a.begin && address < a.begin + static_cast<std::uintptr_t>(a.bytes + kMargin_bytes);
  };
  if (last_ != nullptr && in_reach(*last_)) return last_;
  auto after = allocations_.upper_bound(address);
  if (after == allocations_.begin() || !in_reach((--after)->second)) return nullptr;
  last_ = &after->second;
  return last_;
}

}  // namespace convoy::cuda::emulator
