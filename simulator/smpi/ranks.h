/// Ranks in a simulated MPI: SimGrid's SMPI, linked into this program, runs each of them as an actor on its host.
#pragma once

#include <functional>
#include <string>

#include "reference/exec/mpi/simulated_impl.h"
#include "reference/schedule/ideal.h"
#include "reference/schedule/stragglers.h"
#include "simulator/platform/cluster.h"

namespace convoy {

/// Seconds of compute ops, once it is known which model and precision they are of. Called in every rank with the same arguments.
using AnnouncedCost = std::function<CostModel(const Model&, const std::string& precision)>;

/// Runs `main_of(rank)` as every one of `ranks` ranks of an MPI on the first devices of a cluster, until all have returned. Once
/// in a process. Returns the largest of what they returned.
///
/// Ranks are actors of one process and share its globals, as threads do; nothing here has any that a rank changes.
///
/// Beside each rank stands a second one on the same host, which has the rank's timers: MPI has no request that ends at a given time,
/// but one that ends when a message comes, and this is whom it comes from. Between the two lies a link that takes no time.
int run_ranks(const Cluster& cluster, int ranks, const AnnouncedCost& cost_of, const Stragglers& stragglers,
              const std::function<int(int rank)>& main_of);

}  // namespace convoy
