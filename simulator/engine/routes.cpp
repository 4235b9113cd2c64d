#include "simulator/engine/routes.h"

namespace convoy {

Routes::Routes(const Cluster& cluster, int ranks) : cluster_(cluster) {
  require_ranks(cluster, ranks);
  if (cluster.devices_per_node > 1)
    bandwidths_bytes_per_s_.assign(2 * static_cast<std::size_t>(ranks), cluster.node_link.bandwidth_bytes_per_s);
  first_nic_ = link_count();
  const int nodes = cluster.node_of(ranks - 1) + 1;
  if (nodes > 1)
    bandwidths_bytes_per_s_.resize(bandwidths_bytes_per_s_.size() + 2 * static_cast<std::size_t>(nodes * cluster.nics_per_node),
                                   cluster.nic.bandwidth_bytes_per_s);
}

int Routes::nic(int rank) const {
  return first_nic_ + 2 * (cluster_.node_of(rank) * cluster_.nics_per_node + cluster_.nic_of(rank));
}

void Routes::find(int from, int to, std::vector<int>& links) const {
  links.clear();
  const bool device_links = cluster_.devices_per_node > 1;
  const bool between_nodes = cluster_.node_of(from) != cluster_.node_of(to);
  if (device_links) links.push_back(2 * from);
  if (between_nodes) {
    links.push_back(nic(from));
    links.push_back(nic(to) + 1);
  }
  if (device_links) links.push_back(2 * to + 1);
}

}  // namespace convoy
