/// SimulatedMachine: a cluster built from SimGrid's hosts and links. See the notes in machine.cpp.
#pragma once

#include <memory>
#include <vector>

#include "simulator/engine/simgrid_shim.h"
#include "simulator/platform/cluster.h"

namespace convoy {

/// The first `ranks` ranks of a cluster. One per process: SimGrid keeps its platform and clock in globals.
class SimulatedMachine {
 public:
  SimulatedMachine(const Cluster& cluster, int ranks);
  SimulatedMachine(const SimulatedMachine&) = delete;
  SimulatedMachine& operator=(const SimulatedMachine&) = delete;

  [[nodiscard]] sg::s4u::Engine& engine() { return *engine_; }
  [[nodiscard]] const Cluster& cluster() const { return cluster_; }
  /// Where the actors of a rank live and its messages start.
  [[nodiscard]] sg::s4u::Host* host(int rank) const { return hosts_[static_cast<std::size_t>(rank)]; }

  /// Whether the ranks of a node share its cores with each other and with the messages they receive.
  [[nodiscard]] bool shares_cores() const { return cluster_.cores_per_node > 0; }
  /// Whether receiving keeps cores busy.
  [[nodiscard]] bool receiving_uses_cores() const { return shares_cores() && cluster_.communication_cores > 0; }
  /// For an actor: keeps `cores` cores of the node of `rank` busy with what takes `time_s` when the node has cores to spare.
  /// Without cores to share it only waits.
  void work(int rank, double cores, double time_s) const;

 private:
  void add_network(int ranks);
  void add_cores(int ranks);

  Cluster cluster_;
  std::unique_ptr<sg::s4u::Engine> engine_;
  sg::s4u::NetZone* network_ = nullptr;
  std::vector<int> ranks_;             ///< what the hosts' data points to
  std::vector<sg::s4u::Host*> hosts_;  ///< by rank
  std::vector<sg::s4u::Host*> cores_;  ///< by node
};

}  // namespace convoy
