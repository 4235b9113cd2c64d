/// ideal: the time of a schedule when nothing is shared, by formula. A lower bound for every other executor.
#pragma once

#include <functional>

#include "reference/schedule/schedule.h"
#include "reference/schedule/timeline.h"

namespace convoy {

/// Seconds of compute ops on an idle device.
struct CostModel {
  /// A compute op of this program.
  std::function<double(const Program&, const Op&, const Compute&)> compute_s;
  /// Adding or copying `bytes` that arrived in a round of a collective, beyond moving them. nullptr counts as 0.
  std::function<double(OnReceive, double bytes)> receive_s;
};

/// The idle link from one rank to another.
using LinkFn = std::function<LinkModel(int from, int to)>;

/// Runs `iterations` steps without a barrier between them. A message begins when both ends are ready and takes
/// latency + bytes/bandwidth; rounds of a collective run one after the other; nothing slows anything else down.
/// The schedule must be valid.
Timeline ideal(const Schedule& schedule, int iterations, const CostModel& cost, const LinkFn& link);

}  // namespace convoy
