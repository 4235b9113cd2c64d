/// Topology: what joins the nodes of a cluster. One kind a file (ring.cpp, torus.cpp, ...), with its picture and its formulas.
///
/// Nothing is stored for a link or a route: both are worked out from their numbers when they are asked for, so that a cluster of
/// 16,384 ranks takes no more memory than one of 16.
#pragma once

#include <string>
#include <vector>

#include "reference/collectives/collective.h"

namespace convoy {

/// As a cluster file states it. Which members a kind uses stands in its file.
struct Topology {
  std::string kind = "switch";
  LinkModel link{0, 0};                    ///< between neighbours of ring, torus, fully_connected; local of dragonfly; long of joined
  LinkModel global_link{0, 0};             ///< dragonfly: between groups
  std::vector<int> extents;                ///< torus: of each dimension; fat_tree: children of a switch, from below; dragonfly:
                                           ///< nodes of a router, routers of a group, groups; joined: nodes of each site
  std::vector<double> over_subscription;   ///< fat_tree: what goes down over what goes up, from below; missing levels: 1
  double hop_latency_s = 0;                ///< fat_tree, dragonfly: of each switch beyond the first
  std::vector<Topology> inside;            ///< joined: of each site
  friend bool operator==(const Topology& a, const Topology& b);
};

/// What a topology is asked about: nodes, each with ports of `node_bandwidth_bytes_per_s` together (all its NICs).
struct Fabric {
  const Topology& topology;
  int nodes = 1;
  double node_bandwidth_bytes_per_s = 0;
};

/// The two ends of a link of a topology, for drawings: a node ("node3") or a switch ("level1.switch4").
struct LinkEnds {
  std::string from;
  std::string to;
};

/// From one node to another: the links of the topology by number, and what is added to the latency of the ends.
struct FabricRoute {
  std::vector<int> links;
  double latency_s = 0;
};

/// One row of the table. Bandwidths are one way. Links are numbered from 0; `links` are all there are.
struct TopologyKind {
  std::string name;
  std::string sentence;
  std::vector<std::string> keys;  ///< of the cluster file, besides kind
  bool direct = false;            ///< nodes are joined to each other, without switches: they may lack NICs
  std::string (*problem)(const Fabric&);  ///< why these nodes cannot be joined so, or ""
  int (*links)(const Fabric&);
  double (*bandwidth_bytes_per_s)(const Fabric&, int link);
  std::string (*link_name)(const Fabric&, int link);
  LinkEnds (*ends)(const Fabric&, int link);
  std::string (*attachment)(const Fabric&, int node);  ///< the end at which the NICs of a node hang, or the node itself
  /// Appends to route.links. from != to.
  void (*route)(const Fabric&, int from, int to, FabricRoute& route);
  int (*hops)(const Fabric&, int from, int to);                      ///< formula: links of the topology on the way
  double (*pair_bandwidth_bytes_per_s)(const Fabric&, int from, int to);  ///< formula: of one flow alone, without NICs
  /// Formula: from one half of the nodes to the other, all at once, as the topology's file divides them.
  double (*bisection_bytes_per_s)(const Fabric&);
};

const std::vector<TopologyKind>& topology_table();
/// The row of a kind; an InputError names the nearest.
const TopologyKind& topology_kind(const std::string& name);

// The rows, each from its file.
TopologyKind switch_topology();
TopologyKind ring_topology();
TopologyKind fully_connected_topology();
TopologyKind fat_tree_topology();
TopologyKind torus_topology();
TopologyKind dragonfly_topology();
TopologyKind joined_topology();

/// The ends that a name such as "node0-node1" or "group0.router1-router2" states.
LinkEnds ends_of_name(const std::string& link_name);
/// "node3".
std::string node_name(const Fabric& fabric, int node);
/// Bandwidth of half of the nodes through their own ports, which bounds every bisection; infinite without ports.
double half_of_the_ports_bytes_per_s(const Fabric& fabric);
/// Bandwidth that no link of a switch bounds.
double unbounded(const Fabric& fabric, int from, int to);

}  // namespace convoy
