/// Shadow: what the emulator remembers about every piece of memory: who has written it, and who has touched it since the last
/// barrier.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace convoy::cuda::emulator {

/// When and by whom something was touched. Intervals are counted through all blocks and launches, so that one number says which
/// came first and whether a barrier lies between.
struct Moment {
  std::uint32_t interval = 0;       ///< between two barriers of a block; 0: never
  std::uint32_t warp_interval = 0;  ///< between two barriers of the warp, inside the interval
  std::uint32_t block = 0;          ///< a number for every block of every launch
  std::int32_t thread = -1;         ///< in its block
  bool atomic = false;
  std::int32_t publishes = 0;  ///< warpgroup_publish() of the thread in this block before
  const void* place = nullptr;
};

/// Whether something orders the two, the earlier of which is `before`. `since` is the first block that counts: of the launch for
/// global memory, the block itself for shared memory.
inline bool ordered(const Moment& before, const Moment& now, std::uint32_t since) {
  if (before.interval == 0 || before.block < since) return true;
  if (before.block != now.block) return false;
  if (before.thread == now.thread || before.interval != now.interval) return true;
  return before.thread / 32 == now.thread / 32 && before.warp_interval != now.warp_interval;
}

/// Whether a barrier lies between two moments of one block, the second of which is behind it.
inline bool barrier_between(const Moment& first, const Moment& second) {
  if (first.interval != second.interval) return first.interval < second.interval;
  return first.thread / 32 == second.thread / 32 && first.warp_interval < second.warp_interval;
}

/// The last write and the last reads of one granule. Of reads it keeps the last, the last by another lane of that warp, and
/// the last by another warp or block, so that a write meets a reader that it races with when there is one.
struct Cell {
  Moment write;
  std::array<Moment, 3> reads;
  /// Notes an access. Returns the earlier one that it races with, if any.
  std::optional<Moment> touch(const Moment& now, bool store, std::uint32_t since) {
    const auto races = [&](const Moment& before) { return !ordered(before, now, since) && !(before.atomic && now.atomic); };
    std::optional<Moment> race;
    if (races(write)) race = write;
    if (!store) {
      note_read(now);
      return race;
    }
    for (const Moment& read : reads)
      if (!race && races(read)) race = read;
    write = now;
    return race;
  }

 private:
  void note_read(const Moment& now) {
    if (reads[0].thread != now.thread || reads[0].block != now.block) {
      const bool same_warp = reads[0].block == now.block && reads[0].thread / 32 == now.thread / 32;
      reads[same_warp ? 1 : 2] = reads[0];
    }
    reads[0] = now;
  }
};

/// Cells for a stretch of memory, made in pages when they are first touched.
class Shadow {
 public:
  Shadow() = default;
  Shadow(std::int64_t bytes, int granule_bytes) : granule_bytes_(granule_bytes), pages_(page_of(bytes) + 1) {}
  [[nodiscard]] int granule_bytes() const { return granule_bytes_; }
  /// The cell of the byte at this offset.
  Cell& cell(std::int64_t offset) {
    auto& page = pages_[page_of(offset)];
    if (page == nullptr) page = std::make_unique<Page>();
    return (*page)[static_cast<std::size_t>(offset / granule_bytes_) % kPage];
  }

 private:
  static constexpr std::size_t kPage = 256;
  using Page = std::array<Cell, kPage>;
  [[nodiscard]] std::size_t page_of(std::int64_t offset) const { return static_cast<std::size_t>(offset / granule_bytes_) / kPage; }
  int granule_bytes_ = 1;
  std::vector<std::unique_ptr<Page>> pages_;
};

}  // namespace convoy::cuda::emulator
