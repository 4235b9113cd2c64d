/// Real collectives: how long they take, and whether the numbers that come out are right.
#pragma once

#include <cstdint>
#include <string>

#include "reference/collectives/collective.h"
#include "reference/schedule/schedule.h"
#include "reference/train/transport.h"

namespace convoy {

struct CollectiveRun {
  CollectiveKind kind = CollectiveKind::all_reduce;
  std::string algorithm = "ring";
  int ranks = 2;
  std::int64_t count = 1;  ///< floats in the buffer of every rank
  int chunks = 1;
  int channels = 1;
  int ranks_per_node = 0;  ///< 0: unknown
  int root = 0;
  int warmup = 5;
  int repetitions = 20;
};

struct CollectiveMeasurement {
  double time_s = 0;       ///< median over the repetitions
  double spread_s = 0;     ///< third quartile - first quartile
  std::int64_t wrong = 0;  ///< elements, over all ranks, that differ from the definition of the collective
};

/// A schedule whose step is one collective on a buffer "data" that lives from step to step.
Schedule collective_schedule(const CollectiveRun& run);

/// Runs the collective once on whole numbers held in floats (so that every order of adding gives the same) and compares every
/// element of every rank, then warmup + repetitions times for the clock.
/// All processes of the transport call it, and all get the result.
CollectiveMeasurement measure_collective(const CollectiveRun& run, const Transport& transport);
/// The same on threads of this process.
CollectiveMeasurement measure_collective(const CollectiveRun& run);

}  // namespace convoy
