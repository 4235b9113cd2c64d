/// Memory of a rank: which buffers live when, where they lie in one arena, and the peak.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "reference/schedule/schedule.h"

namespace convoy {

/// Where the buffers of a program lie. Buffers that persist come first; others share memory when every op that touches the
/// one comes, by streams and `after`, before every op that touches the other.
struct MemoryPlan {
  std::vector<std::int64_t> offset_bytes;  ///< of every buffer, aligned to 64 bytes
  std::int64_t persistent_bytes = 0;       ///< weights and optimiser state
  std::int64_t total_bytes = 0;            ///< size of the arena: what a rank needs
};
MemoryPlan plan_memory(const Program& program);

/// Bytes by kind of buffer at the moment when most is alive, and the op at which that is.
struct Memory {
  std::array<std::int64_t, 7> bytes_of_kind{};  ///< indexed by BufferKind; alive at the peak
  std::int64_t peak_bytes = 0;                  ///< their sum
  /// What is in a message of which the rank does not know yet that it has moved, beside what is alive: a buffer that was sent is
  /// free only behind an op that comes after the message.
  std::int64_t in_flight_bytes = 0;
  std::int64_t arena_bytes = 0;                 ///< total_bytes of plan_memory: the peak, what is in flight, and gaps between buffers
  int peak_op = 0;
};
Memory memory_of(const Program& program);

}  // namespace convoy
