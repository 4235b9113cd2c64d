/// Memory of a rank, for people and for programs.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "reference/schedule/memory.h"
#include "reference/schedule/schedule.h"

namespace convoy {

/// The rank that needs most, or the first of several, and what it needs.
struct RankWithMostMemory {
  int rank = 0;
  Memory memory;
};
RankWithMostMemory most_memory(const Schedule& schedule);
/// Of the first `ranks` ranks only.
RankWithMostMemory most_memory(const Schedule& schedule, int ranks);

/// Bytes by kind at the peak, with shares, and the op at which the peak is. `device_bytes`: memory of the device, 0 when unknown.
std::string memory_table(const Schedule& schedule, const RankWithMostMemory& needed, std::int64_t device_bytes);

/// {"rank", "peak_bytes", "in_flight_bytes", "arena_bytes", "peak_op", "bytes_of_kind": {...}, "device_bytes"}; device_bytes is null when unknown.
nlohmann::ordered_json memory_json(const Schedule& schedule, const RankWithMostMemory& needed, std::int64_t device_bytes);

}  // namespace convoy
