/// Ranks in a simulated MPI: SimGrid's SMPI, linked into this program, runs each of them as an actor on its host.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "reference/exec/mpi/simulated_impl.h"
#include "reference/schedule/ideal.h"
#include "reference/schedule/stragglers.h"
#include "simulator/platform/cluster.h"

namespace convoy {

/// Seconds of compute ops on the cluster's first kind of nodes and on its others; of others none where all cost the same.
struct SimulatedCost {
  CostModel first;
  std::vector<CostModel> others = {};
};

/// Where ranks run, and what that is like.
struct SimulatedMachineSettings {
  Cluster cluster;
  int ranks = 1;  ///< on the first devices of the cluster
  GroupTopology topology;
  Stragglers stragglers = {};
  /// Once it is known which model and precision they are of. Called in every rank with the same arguments.
  std::function<SimulatedCost(const Model&, const std::string& precision)> cost_of = {};
};

/// Runs `main_of(rank)` as every rank of an MPI until all have returned. Once
/// in a process. Returns the largest of what they returned.
///
/// Ranks are actors of one process and share its globals, as threads do; nothing here has any that a rank changes.
///
/// Beside each rank stands a second one on the same host, which has the rank's timers: MPI has no request that ends at a given time,
/// but one that ends when a message comes, and this is whom it comes from. Between the two lies a link that takes no time.
int run_ranks(const SimulatedMachineSettings& machine, const std::function<int(int rank)>& main_of);

}  // namespace convoy
