/// Bytes that a real run counted, against those that volume.h works out and `convoy plan show` prints.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "reference/core/error.h"
#include "reference/plans/volume.h"
#include "reference/schedule/timeline.h"

namespace convoy::tests {

/// Bytes by rank and name of the op.
using CountedBytes = std::map<std::pair<int, std::string>, std::int64_t>;

/// "" when every rank sent what communications() says in each of `steps` steps, op by op; else the first op that differs.
inline std::string miscounted(const Model& model, const Schedule& schedule, int steps, const Timeline& timeline) {
  CountedBytes counted, planned;
  for (const Interval& interval : timeline.intervals) {
    const Op& op = schedule.program(interval.rank).ops[static_cast<std::size_t>(interval.op)];
    if (!std::holds_alternative<Compute>(op.action)) counted[{interval.rank, op.name}] += interval.sent_bytes;
  }
  for (const Communication& communication : communications(model, schedule))
    for (std::size_t r = 0; r < communication.sent_bytes.size(); ++r)
      planned[{static_cast<int>(r), communication.name}] += steps * communication.sent_bytes[r];
  std::erase_if(counted, [](const auto& entry) { return entry.second == 0; });
  std::erase_if(planned, [](const auto& entry) { return entry.second == 0; });
  for (const auto* one : {&counted, &planned})
    for (const auto& [key, bytes] : *one) {
      const auto find = [&](const CountedBytes& all) { return all.contains(key) ? all.at(key) : 0; };
      if (find(counted) != find(planned))
        return cat("rank ", key.first, " sent ", find(counted), " bytes in ", key.second, ", and should have sent ",
                   find(planned));
    }
  return "";
}

}  // namespace convoy::tests
