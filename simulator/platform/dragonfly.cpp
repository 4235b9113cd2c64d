/// dragonfly: groups of routers that are all joined to each other, and a link between every two groups.
///
///     group 0              group 1              extents (keys nodes_per_router, routers_per_group, groups): p, a, g
///     r0 -- r1 ==========  r0 -- r1             local links (link) between any two routers of a group,
///      \   /                \   /               one global link (global_link) each way between any two groups
///       r2 ====== ...        r2
///
/// Group G has its link to group H at router k / ceil((g-1)/a), k = (H - G - 1) mod g: the global links are spread over its
/// routers. Messages take the shortest way: at most one local, one global and one local link (minimal routing). Numbers: first the
/// local links, group by group, then the global ones, number G * g + H.
///   hops                 0 at one router, 1 in a group, else 1 and one more for each end whose router has not the global link
///   latency              that of the NIC, that of each link on the way, and hop_latency for each
///   pairwise bandwidth   the narrowest link on the way
///   bisection            floor(g/2) * ceil(g/2) global links; with one group floor(a/2) * ceil(a/2) local ones
#include <algorithm>
#include <cstdint>

#include "reference/core/error.h"
#include "simulator/platform/topology.h"

namespace convoy {
namespace {

struct Sizes {
  int p, a, g;
};
Sizes sizes(const Fabric& fabric) { return {fabric.topology.extents[0], fabric.topology.extents[1], fabric.topology.extents[2]}; }

int local_links(const Sizes& s) { return s.g * s.a * s.a; }

/// The router of group G with the global link to group H.
int gateway(const Sizes& s, int G, int H) {
  const int each = (s.g - 1 + s.a - 1) / s.a;
  return (H - G - 1 + s.g) % s.g / each;
}

struct Way {
  int from_group, from_router, to_group, to_router;
};
Way way(const Sizes& s, int from, int to) {
  return {from / s.p / s.a, from / s.p % s.a, to / s.p / s.a, to / s.p % s.a};
}

void add_local(const Fabric& fabric, int group, int from, int to, FabricRoute& route) {
  if (from == to) return;
  const Sizes s = sizes(fabric);
  route.links.push_back((group * s.a + from) * s.a + to);
  route.latency_s += fabric.topology.link.latency_s + fabric.topology.hop_latency_s;
}

void route(const Fabric& fabric, int from, int to, FabricRoute& route) {
  const Sizes s = sizes(fabric);
  const Way w = way(s, from, to);
  if (w.from_group == w.to_group) return add_local(fabric, w.from_group, w.from_router, w.to_router, route);
  add_local(fabric, w.from_group, w.from_router, gateway(s, w.from_group, w.to_group), route);
  route.links.push_back(local_links(s) + w.from_group * s.g + w.to_group);
  route.latency_s += fabric.topology.global_link.latency_s + fabric.topology.hop_latency_s;
  add_local(fabric, w.to_group, gateway(s, w.to_group, w.from_group), w.to_router, route);
}

int hops(const Fabric& fabric, int from, int to) {
  const Sizes s = sizes(fabric);
  const Way w = way(s, from, to);
  if (w.from_group == w.to_group) return w.from_router == w.to_router ? 0 : 1;
  return 1 + (gateway(s, w.from_group, w.to_group) != w.from_router ? 1 : 0) +
         (gateway(s, w.to_group, w.from_group) != w.to_router ? 1 : 0);
}

double pair_bandwidth(const Fabric& fabric, int from, int to) {
  const Sizes s = sizes(fabric);
  const Way w = way(s, from, to);
  const int all = hops(fabric, from, to);
  const bool global = w.from_group != w.to_group;
  double bandwidth = unbounded(fabric, from, to);
  if (global) bandwidth = fabric.topology.global_link.bandwidth_bytes_per_s;
  if (all > (global ? 1 : 0)) bandwidth = std::min(bandwidth, fabric.topology.link.bandwidth_bytes_per_s);
  return bandwidth;
}

std::string link_name(const Fabric& fabric, int link) {
  const Sizes s = sizes(fabric);
  if (const int global = link - local_links(s); global >= 0) {
    const int from = global / s.g;
    const int to = global % s.g;
    return cat("group", from, ".router", gateway(s, from, to), "-group", to, ".router", gateway(s, to, from));
  }
  const int group = link / (s.a * s.a);
  return cat("group", group, ".router", link / s.a % s.a, "-router", link % s.a);
}

double bisection(const Fabric& fabric) {
  const Sizes s = sizes(fabric);
  const int n = s.g > 1 ? s.g : s.a;
  const LinkModel& link = s.g > 1 ? fabric.topology.global_link : fabric.topology.link;
  if (n < 2) return half_of_the_ports_bytes_per_s(fabric);
  return std::min(half_of_the_ports_bytes_per_s(fabric), (n / 2) * (n - n / 2) * link.bandwidth_bytes_per_s);
}

std::string problem(const Fabric& fabric) {
  std::int64_t product = 1;
  for (const int k : fabric.topology.extents) product = std::min<std::int64_t>(product * k, 1 << 30);
  const Sizes s = sizes(fabric);
  if (product != fabric.nodes)
    return cat("a dragonfly of ", s.g, " groups of ", s.a, " routers of ", s.p, " nodes has ", product, " nodes, and there are ",
               fabric.nodes, "; write nodes: ", product, " or other numbers");
  constexpr int kMostLinks = 1 << 26;
  if (std::int64_t{s.g} * s.a * s.a + std::int64_t{s.g} * s.g > kMostLinks) return "a dragonfly as wide has more than 2^26 links";
  return "";
}

}  // namespace

TopologyKind dragonfly_topology() {
  return {.name = "dragonfly",
          .sentence = "groups of routers, a link between any two routers of a group and between any two groups",
          .keys = {"nodes_per_router", "routers_per_group", "groups", "link", "global_link", "hop_latency"},
          .direct = false,
          .problem = problem,
          .links = [](const Fabric& f) { return local_links(sizes(f)) + sizes(f).g * sizes(f).g; },
          .bandwidth_bytes_per_s =
              [](const Fabric& f, int link) {
                const Sizes s = sizes(f);
                const bool local = link < local_links(s);
                // A group has no global link to itself, nor a router a local one.
                if (local ? link / s.a % s.a == link % s.a : (link - local_links(s)) / s.g == (link - local_links(s)) % s.g) return 0.0;
                return (local ? f.topology.link : f.topology.global_link).bandwidth_bytes_per_s;
              },
          .link_name = link_name,
          .ends = [](const Fabric& f, int link) { return ends_of_name(link_name(f, link)); },
          .attachment =
              [](const Fabric& f, int node) {
                const Way w = way(sizes(f), node, node);
                return cat("group", w.from_group, ".router", w.from_router);
              },
          .route = route,
          .hops = hops,
          .pair_bandwidth_bytes_per_s = pair_bandwidth,
          .bisection_bytes_per_s = bisection};
}

}  // namespace convoy
