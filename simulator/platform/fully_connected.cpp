/// fully_connected: a link from every node to every other.
///
///     0 --- 1
///     | \ / |      link from i to j: number i * (n-1) + j, one less when j > i
///     | / \ |
///     2 --- 3
///
/// Uses link.
///   hops                 1
///   latency              link
///   pairwise bandwidth   link
///   bisection            floor(n/2) * ceil(n/2) links
#include <algorithm>

#include "reference/core/error.h"
#include "simulator/platform/topology.h"

namespace convoy {
namespace {

constexpr int kMostNodes = 4096;

void route(const Fabric& fabric, int from, int to, FabricRoute& route) {
  route.links.push_back(from * (fabric.nodes - 1) + to - (to > from ? 1 : 0));
  route.latency_s += fabric.topology.link.latency_s;
}

std::string link_name(const Fabric& fabric, int link) {
  const int from = link / (fabric.nodes - 1);
  const int to = link % (fabric.nodes - 1);
  return cat("node", from, "-node", to + (to >= from ? 1 : 0));
}

}  // namespace

TopologyKind fully_connected_topology() {
  return {.name = "fully_connected",
          .sentence = "a link from every node to every other",
          .keys = {"link"},
          .direct = true,
          .problem = [](const Fabric& f) {
            return f.nodes <= kMostNodes ? std::string()
                                         : cat("fully_connected joins at most ", kMostNodes, " nodes, and there are ", f.nodes);
          },
          .links = [](const Fabric& f) { return f.nodes * (f.nodes - 1); },
          .bandwidth_bytes_per_s = [](const Fabric& f, int) { return f.topology.link.bandwidth_bytes_per_s; },
          .link_name = link_name,
          .ends = [](const Fabric& f, int link) { return ends_of_name(link_name(f, link)); },
          .attachment = node_name,
          .route = route,
          .hops = [](const Fabric&, int, int) { return 1; },
          .pair_bandwidth_bytes_per_s = [](const Fabric& f, int, int) { return f.topology.link.bandwidth_bytes_per_s; },
          .bisection_bytes_per_s = [](const Fabric& f) {
            const int half = f.nodes / 2;
            return std::min(half_of_the_ports_bytes_per_s(f), half * (f.nodes - half) * f.topology.link.bandwidth_bytes_per_s);
          }};
}

}  // namespace convoy
