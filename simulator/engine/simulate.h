/// simulate: runs a schedule on a simulated cluster, with contention, and returns when everything happened.
#pragma once

#include <functional>
#include <vector>

#include "reference/schedule/ideal.h"
#include "reference/schedule/schedule.h"
#include "reference/schedule/timeline.h"
#include "simulator/engine/fidelity.h"
#include "simulator/platform/cluster.h"

namespace convoy {

/// The seconds of a collective of `bytes` (the whole buffer of a rank) over these devices.
using CollectiveCost = std::function<double(CollectiveKind kind, double bytes, const std::vector<int>& devices)>;

/// How to simulate.
struct SimulationOptions {
  Fidelity fidelity = Fidelity::steps;
  /// Simulate and keep every rank, even where one rank of a class is known to say what all of them do.
  bool all_ranks = false;
  /// Where every rank is, as an endpoint of the Network: a device, each at most once, or, of ranks that only serve, the host of a
  /// node, which may be that of several. Empty: rank r on device r.
  std::vector<int> placement = {};
  /// Costs on the devices of Cluster::others, in their order; empty: as on the first kind of nodes. What a collective receives
  /// costs on all what it costs on the first.
  std::vector<CostModel> other_costs = {};
  /// Of servers on hosts, by kind of nodes: the first, then those of Cluster::others. Empty: as on the first kind of devices.
  std::vector<CostModel> host_costs = {};
  /// In how many flows a stretch is cut when other traffic can get in its way; see Fidelity::flows.
  int blocks = 8;
  /// What the time of every compute op is multiplied by, see Stragglers. Ranks are not alike then, so all are simulated. Empty: 1.
  std::function<double(int rank, int iteration, int op)> compute_factor = {};
  /// Have SimGrid move every flow, also those that have their links for themselves. Slower, the same times: for tests.
  bool everything_in_simgrid = false;
  /// The caller has validated the schedule; without it that is done here, which by formula takes longer than the simulation.
  bool validated = false;
  /// Where it is given: the seconds of a whole collective, which begins when its last rank does and ends for all at once, in
  /// every fidelity. Its messages share no link with anything.
  CollectiveCost collective_s = {};
  /// The part of its speed that a device loses in compute ops while a collective or an exchange of its rank is under way, from when
  /// the rank comes to it: NCCL's kernels hold multiprocessors. At least 0 and below 1; only where no cores are shared, which is
  /// what clusters with `cores` state instead.
  double communication_share = 0;
};

/// What `automatic` is for a schedule: steps up to a million messages in all iterations, else flows. Others stay what they are.
Fidelity chosen_fidelity(Fidelity fidelity, const Schedule& schedule, int iterations);

/// Runs `iterations` steps without a barrier between them, by the rules of schedule.h. Timeline::fidelity says how, and
/// Timeline::representatives whose intervals there are: with `flows` and `formula`, where the communication of a schedule is
/// nothing but collectives over all ranks, one rank of every class stands for all. SimGrid keeps its clock and platform in
/// globals, so a process can do this once: use simulate() unless the process ends afterwards.
Timeline simulate_in_this_process(const Schedule& schedule, int iterations, const Cluster& cluster, const CostModel& cost,
                                  const SimulationOptions& options = {});

/// The same in a forked child (`formula`, which needs no SimGrid, in this process), any number of times. Call it while the
/// process has one thread. Throws what the child threw.
Timeline simulate(const Schedule& schedule, int iterations, const Cluster& cluster, const CostModel& cost,
                  const SimulationOptions& options = {});

}  // namespace convoy
