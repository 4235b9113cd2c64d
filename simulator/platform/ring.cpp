/// ring: every node is joined to the next and to the one before, the last to the first.
///
///     0 == 1 == 2 == ... == n-1 == 0
///
/// Uses link. A message takes the shorter way; where both are as long, even nodes send to the next and odd ones to the one before.
/// Link 2i goes from node i to the next, 2i+1 from node i to the one before. Two nodes have one link each way.
///   hops                 h = min(d, n-d), d = (to - from) mod n
///   latency              h * link
///   pairwise bandwidth   link
///   bisection            2 links, of 2 nodes 1: a ring is cut in two places
#include <algorithm>

#include "reference/core/error.h"
#include "simulator/platform/topology.h"

namespace convoy {
namespace {

int hops(const Fabric& fabric, int from, int to) {
  const int ahead = (to - from + fabric.nodes) % fabric.nodes;
  return std::min(ahead, fabric.nodes - ahead);
}

int links(const Fabric& fabric) { return fabric.nodes < 2 ? 0 : 2 * fabric.nodes; }

void route(const Fabric& fabric, int from, int to, FabricRoute& route) {
  const int n = fabric.nodes;
  const int ahead = (to - from + n) % n;
  const bool forward = 2 * ahead < n || (2 * ahead == n && (n == 2 || from % 2 == 0));
  for (int node = from; node != to; node = (node + (forward ? 1 : n - 1)) % n) route.links.push_back(2 * node + (forward ? 0 : 1));
  route.latency_s += hops(fabric, from, to) * fabric.topology.link.latency_s;
}

std::string link_name(const Fabric& fabric, int link) {
  const int node = link / 2;
  return cat("node", node, "-node", (node + (link % 2 == 0 ? 1 : fabric.nodes - 1)) % fabric.nodes);
}

}  // namespace

TopologyKind ring_topology() {
  return {.name = "ring",
          .sentence = "every node is joined to the next and to the one before",
          .keys = {"link"},
          .direct = true,
          .problem = [](const Fabric&) { return std::string(); },
          .links = links,
          .bandwidth_bytes_per_s = [](const Fabric& f, int link) {
            return f.nodes == 2 && link % 2 == 1 ? 0 : f.topology.link.bandwidth_bytes_per_s;  // the way that nobody takes
          },
          .link_name = link_name,
          .ends = [](const Fabric& f, int link) { return ends_of_name(link_name(f, link)); },
          .attachment = node_name,
          .route = route,
          .hops = hops,
          .pair_bandwidth_bytes_per_s = [](const Fabric& f, int, int) { return f.topology.link.bandwidth_bytes_per_s; },
          .bisection_bytes_per_s = [](const Fabric& f) {
            return std::min(half_of_the_ports_bytes_per_s(f), (f.nodes > 2 ? 2 : f.nodes - 1) * f.topology.link.bandwidth_bytes_per_s);
          }};
}

}  // namespace convoy
