/// fat_tree: switches of switches. Uses extents (key children), over_subscription and hop_latency.
///
///                     top                        children: [4, 2]: 4 nodes a leaf switch, 2 leaf switches below the top
///               /            \                   over_subscription: [2]: a leaf has half as much up as down
///          leaf 0            leaf 1
///        /  |  |  \        /  |  |  \            .
///       0   1  2   3      4   5  6   7
///
/// The cables between a switch and the level above are one link up and one down, with the bandwidth of all of them together:
/// messages spread over them evenly, as with adaptive routing. A switch of level l has u_l = (nodes below it) * (bandwidth of a
/// node) / (over_subscription of levels 1 to l) up and down. Nodes fill the tree from the left. Numbers: level by level, 2s is
/// switch s up, 2s+1 down; the top has none.
///   hops                 2 (l-1), l the lowest level at which a switch is above both
///   latency              that of the NIC, and hop_latency for every hop
///   pairwise bandwidth   that of the NIC, or u_1 if that is less
///   bisection            floor(c/2) * u_(L-1), c the children of the top that have nodes; below a single child it is the child's
#include <algorithm>
#include <cstdint>

#include "reference/core/error.h"
#include "simulator/platform/topology.h"

namespace convoy {
namespace {

int levels(const Fabric& fabric) { return static_cast<int>(fabric.topology.extents.size()); }

/// Nodes below a switch of a level, from 1; of level 0: a node itself.
std::int64_t below(const Fabric& fabric, int level) {
  std::int64_t nodes = 1;
  for (int l = 0; l < level; ++l) nodes *= fabric.topology.extents[static_cast<std::size_t>(l)];
  return nodes;
}

int switches(const Fabric& fabric, int level) {
  return static_cast<int>((fabric.nodes + below(fabric, level) - 1) / below(fabric, level));
}

double up_bytes_per_s(const Fabric& fabric, int level) {
  double bandwidth = static_cast<double>(below(fabric, level)) * fabric.node_bandwidth_bytes_per_s;
  const std::vector<double>& factors = fabric.topology.over_subscription;
  for (std::size_t l = 0; l < factors.size() && l < static_cast<std::size_t>(level); ++l) bandwidth /= factors[l];
  return bandwidth;
}

struct Place {
  int level;
  int number;
};

Place place(const Fabric& fabric, int link) {
  int number = link / 2;
  int level = 1;
  while (number >= switches(fabric, level)) number -= switches(fabric, level++);
  return {level, number};
}

int links(const Fabric& fabric) {
  int count = 0;
  for (int level = 1; level < levels(fabric); ++level) count += 2 * switches(fabric, level);
  return count;
}

/// The lowest level at which one switch is above both.
int meeting_level(const Fabric& fabric, int from, int to) {
  int level = 1;
  while (from / below(fabric, level) != to / below(fabric, level)) ++level;
  return level;
}

void route(const Fabric& fabric, int from, int to, FabricRoute& route) {
  const int top = meeting_level(fabric, from, to);
  std::vector<int> down;
  int first = 0;
  for (int level = 1; level < top; ++level) {
    route.links.push_back(2 * (first + static_cast<int>(from / below(fabric, level))));
    down.push_back(2 * (first + static_cast<int>(to / below(fabric, level))) + 1);
    first += switches(fabric, level);
  }
  route.links.insert(route.links.end(), down.rbegin(), down.rend());
  route.latency_s += 2 * (top - 1) * fabric.topology.hop_latency_s;
}

std::string switch_name(const Fabric& fabric, int level, int number) {
  return level == levels(fabric) ? "top" : cat("level", level, ".switch", number);
}

LinkEnds ends(const Fabric& fabric, int link) {
  const Place at = place(fabric, link);
  const int above = at.number / fabric.topology.extents[static_cast<std::size_t>(at.level)];
  LinkEnds both{switch_name(fabric, at.level, at.number), switch_name(fabric, at.level + 1, above)};
  if (link % 2 == 1) std::swap(both.from, both.to);
  return both;
}

double bisection(const Fabric& fabric) {
  for (int level = levels(fabric) - 1; level >= 1; --level)
    if (const int children = switches(fabric, level); children > 1)
      return std::min(half_of_the_ports_bytes_per_s(fabric), (children / 2) * up_bytes_per_s(fabric, level));
  return half_of_the_ports_bytes_per_s(fabric);
}

double pair_bandwidth(const Fabric& fabric, int from, int to) {
  double bandwidth = unbounded(fabric, from, to);
  for (int level = 1; level < meeting_level(fabric, from, to); ++level)
    bandwidth = std::min(bandwidth, up_bytes_per_s(fabric, level));
  return bandwidth;
}

std::string problem(const Fabric& fabric) {
  std::int64_t places = 1;
  for (const int children : fabric.topology.extents) places = std::min<std::int64_t>(places * children, 1 << 30);
  if (places >= fabric.nodes) return "";
  return cat("a fat tree with these children has places for ", places, " nodes, and there are ", fabric.nodes,
             "; add a level or make one wider, for example children: [32, ", (fabric.nodes + 31) / 32, "]");
}

}  // namespace

TopologyKind fat_tree_topology() {
  return {.name = "fat_tree",
          .sentence = "switches of switches, over-subscribed by level",
          .keys = {"children", "over_subscription", "hop_latency"},
          .direct = false,
          .problem = problem,
          .links = links,
          .bandwidth_bytes_per_s = [](const Fabric& f, int link) { return up_bytes_per_s(f, place(f, link).level); },
          .link_name =
              [](const Fabric& f, int link) {
                const Place at = place(f, link);
                return cat("level", at.level, ".switch", at.number, link % 2 == 0 ? ".up" : ".down");
              },
          .ends = ends,
          .attachment = [](const Fabric& f, int node) { return switch_name(f, 1, static_cast<int>(node / below(f, 1))); },
          .route = route,
          .hops = [](const Fabric& f, int from, int to) { return 2 * (meeting_level(f, from, to) - 1); },
          .pair_bandwidth_bytes_per_s = pair_bandwidth,
          .bisection_bytes_per_s = bisection};
}

}  // namespace convoy
