/// switch: one switch with full bandwidth between all nodes.
///
///     node 0   node 1   node 2  ...
///        \       |       /
///         +---switch----+
///
/// It has no links of its own: those of the nodes are the NICs'.
///   hops                 0
///   latency              that of the NIC
///   pairwise bandwidth   that of the NIC
///   bisection            n/2 nodes, each with all its NICs
#include "simulator/platform/topology.h"

namespace convoy {

TopologyKind switch_topology() {
  return {.name = "switch",
          .sentence = "one switch with full bandwidth between all nodes",
          .keys = {},
          .direct = false,
          .problem = [](const Fabric&) { return std::string(); },
          .links = [](const Fabric&) { return 0; },
          .bandwidth_bytes_per_s = [](const Fabric&, int) { return 0.0; },
          .link_name = [](const Fabric&, int) { return std::string(); },
          .ends = [](const Fabric&, int) { return LinkEnds{}; },
          .attachment = [](const Fabric&, int) { return std::string("switch"); },
          .route = [](const Fabric&, int, int, FabricRoute&) {},
          .hops = [](const Fabric&, int, int) { return 0; },
          .pair_bandwidth_bytes_per_s = unbounded,
          .bisection_bytes_per_s = half_of_the_ports_bytes_per_s};
}

}  // namespace convoy
