#include "reference/exec/memory.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "reference/exec/huge_pages.h"

namespace convoy {
namespace {

template <class T>
void fill_nan(std::byte* begin, std::int64_t bytes) {
  std::fill_n(reinterpret_cast<T*>(begin), bytes / static_cast<std::int64_t>(sizeof(T)),
              static_cast<T>(std::numeric_limits<float>::quiet_NaN()));
}

}  // namespace

/// Zeros.
MemoryBlock RankMemory::made(std::int64_t bytes, const std::string& name) const {
  MemoryBlock block(bytes, name, source_);
  if (source_ != nullptr || bytes == 0) return block;
  prefer_huge_pages(block.data(), bytes);
  std::memset(block.data(), 0, static_cast<std::size_t>(bytes));  // first touch: here, not in the first step
  return block;
}

void RankMemory::bind(const Program& program) {
  const MemoryPlan plan = plan_memory(program);
  buffers_ = program.buffers;
  base_.clear();
  element_bytes_.clear();
  if (arena_.count() < plan.total_bytes - plan.persistent_bytes) {
    arena_ = {};
    arena_ = made(plan.total_bytes - plan.persistent_bytes, "activations and gradients");
  }
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    const Buffer& buffer = buffers_[i];
    element_bytes_.push_back(size_bytes(buffer.dtype));
    if (!is_persistent(buffer.kind)) {
      base_.push_back(arena_.data() + (plan.offset_bytes[i] - plan.persistent_bytes));
      continue;
    }
    const std::int64_t bytes = element_count(buffer) * size_bytes(buffer.dtype);
    auto found = persistent_.find(buffer.name);
    if (found == persistent_.end()) {
      found = persistent_.emplace(buffer.name, made(bytes, buffer.name)).first;
      persistent_dtype_[buffer.name] = buffer.dtype;
    }
    require(found->second.count() == bytes && persistent_dtype_[buffer.name] == buffer.dtype, "RankMemory", "'", buffer.name,
            "' has ", found->second.count(), " bytes and the schedule wants ", bytes);
    base_.push_back(found->second.data());
  }
}

void RankMemory::poison() { fill_nan<float>(arena_.data(), arena_.count()); }

void RankMemory::poison(int buffer) {
  const Buffer& which = buffers_.at(static_cast<std::size_t>(buffer));
  require(!is_persistent(which.kind), "RankMemory", "'", which.name, "' persists and cannot be poisoned");
  std::byte* begin = base_[static_cast<std::size_t>(buffer)];
  const std::int64_t bytes = element_count(which) * size_bytes(which.dtype);
  with_type(which.dtype, [&](auto zero) { fill_nan<decltype(zero)>(begin, bytes); });
}

std::int64_t RankMemory::allocated_bytes() const {
  std::int64_t bytes = arena_.count();
  for (const auto& [name, memory] : persistent_) bytes += memory.count();
  return bytes;
}

}  // namespace convoy
