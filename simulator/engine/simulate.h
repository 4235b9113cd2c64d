/// simulate: runs a schedule on a simulated cluster, with contention, and returns when everything happened.
#pragma once

#include <functional>
#include <string>

#include "reference/schedule/ideal.h"
#include "reference/schedule/schedule.h"
#include "reference/schedule/timeline.h"
#include "simulator/platform/cluster.h"

namespace convoy {

/// One flow a message; ops start by the rules of schedule.h. SimGrid keeps its clock and platform in globals, so a process can
/// do this once: use simulate() unless the process ends afterwards.
Timeline simulate_in_this_process(const Schedule& schedule, int iterations, const Cluster& cluster, const CostModel& cost);

/// The same in a forked child, any number of times. Call it while the process has one thread. Throws what the child threw.
Timeline simulate(const Schedule& schedule, int iterations, const Cluster& cluster, const CostModel& cost);

}  // namespace convoy
