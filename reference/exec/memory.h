/// RankMemory: the memory in which one rank runs a schedule.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "reference/core/error.h"
#include "reference/core/tensor.h"
#include "reference/schedule/memory.h"
#include "reference/schedule/schedule.h"

namespace convoy {

/// Where memory of a rank comes from, when not from the heap: a device, with memory that the host can read and write, too.
struct MemorySource {
  void* (*allocate)(std::int64_t bytes, const std::string& name, int element_bytes) = nullptr;  ///< zeros
  void (*release)(void* memory) = nullptr;
};

/// Bytes of the heap, or of a source.
class MemoryBlock {
 public:
  MemoryBlock() = default;
  /// `source` may be null. Bytes of a source are zero.
  MemoryBlock(std::int64_t bytes, const std::string& name, const MemorySource* source) : count_(bytes) {
    if (source == nullptr)
      heap_ = AlignedArray<std::byte>(bytes);
    else
      device_ = {static_cast<std::byte*>(source->allocate(bytes, name, 1)), source->release};
  }
  [[nodiscard]] std::byte* data() const { return device_ != nullptr ? device_.get() : heap_.data(); }
  [[nodiscard]] std::int64_t count() const { return count_; }

 private:
  AlignedArray<std::byte> heap_;
  std::shared_ptr<std::byte> device_;
  std::int64_t count_ = 0;
};

/// Persistent buffers (weights, optimiser state) are kept by name, so that several schedules (training, the short last batch,
/// evaluation) can run on one memory; all others lie in one arena at the offsets of plan_memory().
class RankMemory {
 public:
  RankMemory() = default;
  /// All of it from there; the source must outlive this.
  explicit RankMemory(const MemorySource* source) : source_(source) {}
  /// Prepares for a program. Persistent buffers are made (zero) when they are new and must otherwise agree in size and type;
  /// the arena grows when it is too small. Throws std::invalid_argument on disagreement. Pointers from at() change.
  void bind(const Program& program);

  /// First element of a region; T must match the dtype of its buffer.
  template <class T>
  [[nodiscard]] T* at(const Region& region) const {
    require(sizeof(T) == static_cast<std::size_t>(element_bytes_.at(static_cast<std::size_t>(region.buffer))), "RankMemory",
            "buffer ", region.buffer, " does not hold elements of ", sizeof(T), " bytes");
    return reinterpret_cast<T*>(base_[static_cast<std::size_t>(region.buffer)]) + region.slice.offset;
  }
  [[nodiscard]] std::byte* bytes_at(const Region& region) const {
    return base_.at(static_cast<std::size_t>(region.buffer)) +
           region.slice.offset * element_bytes_[static_cast<std::size_t>(region.buffer)];
  }
  /// A persistent buffer by name, for example "weights".
  template <class T>
  [[nodiscard]] std::span<T> persistent(const std::string& name) const {
    const auto found = persistent_.find(name);
    require(found != persistent_.end(), "RankMemory", "no persistent buffer '", name, "'");
    const MemoryBlock& memory = found->second;
    return {reinterpret_cast<T*>(memory.data()), static_cast<std::size_t>(memory.count()) / sizeof(T)};
  }
  [[nodiscard]] bool has(const std::string& name) const { return persistent_.contains(name); }
  /// The element type of a persistent buffer.
  [[nodiscard]] DType persistent_dtype(const std::string& name) const { return persistent_dtype_.at(name); }
  /// Fills the arena with NaN, so that reading what was never written shows.
  void poison();
  /// Fills one buffer that does not persist with NaN.
  void poison(int buffer);
  /// Bytes allocated: persistent buffers and arena.
  [[nodiscard]] std::int64_t allocated_bytes() const;

 private:
  [[nodiscard]] MemoryBlock made(std::int64_t bytes, const std::string& name) const;

  const MemorySource* source_ = nullptr;
  std::map<std::string, MemoryBlock> persistent_;
  std::map<std::string, DType> persistent_dtype_;
  MemoryBlock arena_;
  std::vector<Buffer> buffers_;
  std::vector<std::byte*> base_;
  std::vector<std::int64_t> element_bytes_;
};

}  // namespace convoy
