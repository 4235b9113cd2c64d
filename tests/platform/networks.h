/// Small clusters of every topology, for tests that walk the table.
#pragma once

#include <vector>

#include "reference/core/units.h"
#include "simulator/platform/cluster.h"

namespace convoy::testing {

/// `nodes` nodes of one device. Without a NIC's bandwidth they have no NICs.
inline Cluster joined_nodes(int nodes, Topology topology, LinkModel nic = {5 * us, 10 * GB}) {
  Cluster cluster;
  cluster.name = topology.kind;
  cluster.nodes = nodes;
  cluster.nic = nic;
  cluster.topology = std::move(topology);
  return cluster;
}

/// One or more of every kind; the first half of the nodes is the half that the formulas of bisections mean.
inline std::vector<Cluster> clusters_of_all_topologies() {
  const LinkModel link{0.5 * us, 4 * GB};
  const LinkModel none{0, 0};
  std::vector<Cluster> clusters;
  clusters.push_back(joined_nodes(8, {.kind = "switch"}));
  clusters.push_back(joined_nodes(7, {.kind = "switch"}));
  for (const int nodes : {2, 4, 8, 12}) clusters.push_back(joined_nodes(nodes, {.kind = "ring", .link = link}, none));
  clusters.push_back(joined_nodes(8, {.kind = "ring", .link = link}));  // with NICs as well
  for (const int nodes : {2, 5, 8}) clusters.push_back(joined_nodes(nodes, {.kind = "fully_connected", .link = link}, none));
  clusters.push_back(joined_nodes(6, {.kind = "fully_connected", .link = link}));  // bounded by NICs
  for (const double factor : {1.0, 2.0, 3.0})
    clusters.push_back(joined_nodes(
        16, {.kind = "fat_tree", .extents = {4, 4}, .over_subscription = {factor}, .hop_latency_s = 0.1 * us}));
  clusters.push_back(joined_nodes(
      16, {.kind = "fat_tree", .extents = {2, 2, 4}, .over_subscription = {2, 1.5}, .hop_latency_s = 0.1 * us}));
  clusters.push_back(joined_nodes(4, {.kind = "fat_tree", .extents = {8}}));
  clusters.push_back(joined_nodes(8, {.kind = "torus", .link = link, .extents = {8}}, none));
  clusters.push_back(joined_nodes(12, {.kind = "torus", .link = link, .extents = {3, 4}}, none));
  clusters.push_back(joined_nodes(16, {.kind = "torus", .link = link, .extents = {2, 2, 4}}, none));
  clusters.push_back(joined_nodes(8, {.kind = "torus", .link = link, .extents = {2, 2, 2}}, none));
  clusters.push_back(joined_nodes(24, {.kind = "dragonfly",
                                       .link = {0.2 * us, 100 * GB},
                                       .global_link = {1 * us, 3 * GB},
                                       .extents = {2, 3, 4},
                                       .hop_latency_s = 0.1 * us}));
  clusters.push_back(joined_nodes(8, {.kind = "dragonfly", .link = link, .global_link = link, .extents = {1, 8, 1}}));
  clusters.push_back(
      joined_nodes(8, {.kind = "joined", .link = {10 * ms, 1 * GB}, .extents = {4, 4}, .inside = {Topology{}, Topology{}}}));
  return clusters;
}

}  // namespace convoy::testing
