/// Ranks in a simulated MPI: SimGrid's SMPI runs each of them as an actor on its host.
///
/// There are two ways to start them. run_ranks() makes the simulation in this process, on the platform of a cluster. Or SimGrid's
/// smpirun has made it, on a platform file (simulator/platform/simgrid_file.h), and has loaded this program for every rank. What
/// a rank does is the same.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "reference/exec/mpi/simulated_impl.h"
#include "reference/schedule/ideal.h"
#include "reference/schedule/stragglers.h"
#include "simulator/platform/cluster.h"
#include "simulator/smpi/timers.h"

namespace convoy {

/// Seconds on the cluster's first kind of nodes and on its others; of others none where all cost the same.
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

/// What ranks share that live in one process: simulated_mpi() while it exists.
class SimulatedRanks {
 public:
  explicit SimulatedRanks(SimulatedMachineSettings machine);
  ~SimulatedRanks();
  SimulatedRanks(const SimulatedRanks&) = delete;
  SimulatedRanks& operator=(const SimulatedRanks&) = delete;

  /// Runs the program of the calling rank, and ends its timers afterwards.
  int run(int rank, const std::function<int()>& program);

 private:
  MPI_Request start_timer(double time_s);
  [[nodiscard]] double compute_s(const Program& program, int rank, int iteration, const Op& op, const Compute& compute) const;

  SimulatedMachineSettings machine_;
  SimulatedCost cost_;
  std::map<int, RankTimers> timers_;
  SimulatedMpi mpi_;
};

/// Makes a simulation and runs `program_of(rank)` as every rank until all have returned. Once in a process. Returns the largest
/// of what they returned. Ranks share the globals of the process, as threads do; nothing here has any that a rank changes.
int run_ranks(const SimulatedMachineSettings& machine, const std::function<int(int rank)>& program_of);

/// Whether the calling function is a rank that smpirun started.
bool started_by_smpirun();
/// Of such a rank: its number, and how many there are.
int smpirun_rank();
int smpirun_ranks();
/// Of such a rank: from here on computing and MPI's own functions take no simulated time, whatever smpirun was told. Those of the
/// options that a simulation reads when it begins have to be typed: simulator/platform/simgrid_file.h.
void take_no_time();

}  // namespace convoy
