/// Routes: the links of a cluster by number, and which of them a message goes through.
#pragma once

#include <vector>

#include "simulator/platform/cluster.h"

namespace convoy {

// Note [the network]
// Every device has a link up and one down (node.link), every NIC too (node.nic); the switch is not modelled, as it has full
// bandwidth between all nodes. A message takes
//
//     in a node         up(device a) ------------------------------------ down(device b)
//     between nodes     up(device a) - up(NIC of a) - down(NIC of b) - down(device b)
//
// all at once, at one rate, as a fluid. A node with a single device has no device links. Messages that share a link share it
// evenly (max-min fairness): that is the contention.

/// A link has one direction.
class Routes {
 public:
  Routes(const Cluster& cluster, int ranks);
  [[nodiscard]] int link_count() const { return static_cast<int>(bandwidths_bytes_per_s_.size()); }
  [[nodiscard]] double bandwidth_bytes_per_s(int link) const { return bandwidths_bytes_per_s_[static_cast<std::size_t>(link)]; }
  /// The links from one rank to another, into `links`; an InputError when the cluster lacks one.
  void find(int from, int to, std::vector<int>& links) const;
  /// What one message alone sees.
  [[nodiscard]] LinkModel idle(int from, int to) const { return cluster_.link(from, to); }

 private:
  [[nodiscard]] int nic(int rank) const;
  const Cluster& cluster_;
  int first_nic_ = 0;
  std::vector<double> bandwidths_bytes_per_s_;
};

}  // namespace convoy
