/// run_on_device: the executor for one accelerator that computes in the order in which it is asked to, such as a GPU.
#pragma once

#include "reference/exec/exec.h"

namespace convoy {

/// Places in the work of a device, and when it came to them.
struct DeviceClock {
  void (*mark)(int event) = nullptr;         ///< behind all that was asked for so far
  double (*reached_s)(int event) = nullptr;  ///< seconds from mark 0 to this one; waits for it
};

/// Runs `iterations` steps of a schedule of one rank: asks the device for op after op in the order of the list, which all `after`
/// agree with, and waits for it at the end of every step. Intervals are between the device's own marks. Collectives of one rank
/// do nothing. Throws std::invalid_argument when there are more ranks, and std::runtime_error naming the op when one fails.
Timeline run_on_device(const Schedule& schedule, int iterations, RankMemory& memory, const ComputeFn& compute,
                       const RunOptions& options, const DeviceClock& clock);

}  // namespace convoy
