/// Energy and price of training steps, from rates that a cluster file states.
#pragma once

#include "reference/schedule/timeline.h"
#include "simulator/platform/cluster.h"

namespace convoy {

struct Energy {
  double devices_j = 0;
  double nodes_j = 0;
  double network_j = 0;
  [[nodiscard]] double total_j() const { return devices_j + nodes_j + network_j; }
};

/// One mean step of `ranks` ranks, which have the nodes they lie on for themselves. For a time T a device draws its idle power, and
/// while it computes as much more as it takes to draw the busy one; a node draws the same power always; every byte that leaves a
/// rank costs the same. That is what SimGrid's plugins host_energy and link_energy calculate for hosts of one core, without their
/// idle power of links, which is the node's here.
Energy energy_of_step(const Cluster& cluster, const StepTimes& times, int ranks, double sent_bytes);

/// What so many devices cost in so many seconds, in the cluster's currency.
double price(const Rates& rates, int devices, double time_s);

/// Nodes on which the first `ranks` ranks lie.
int nodes_of(const Cluster& cluster, int ranks);

}  // namespace convoy
