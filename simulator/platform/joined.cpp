/// joined: several clusters, each with a topology of its own, joined by a slow link.
///
///     site 0 (switch, torus, ...) ---- wide area ---- site 1 (switch, ...)
///
/// Uses extents (key sites: the nodes of each), link (of each site to the others, one up and one down) and inside (a topology for
/// all sites, or one for each). Numbers: 2s and 2s+1 are the link of site s up and down, then the links of site 0, of site 1, ...
/// A message to another site takes its own NIC, the two long links and the other NIC; within a site it takes that site's way.
///   hops                 those of the site; 2 between sites
///   latency              that of the NIC, and of the link once, between sites
///   pairwise bandwidth   the narrower of the NIC and the link
///   bisection            with two sites and more that of the links between the first half of the sites and the others: floor(s/2)
///                        links; with one that of the site
#include <algorithm>
#include <cstdint>

#include "reference/core/error.h"
#include "simulator/platform/topology.h"

namespace convoy {
namespace {

struct Site {
  Fabric fabric;
  int first_node;
  int first_link;
};

const TopologyKind& kind_of(const Site& site) { return topology_kind(site.fabric.topology.kind); }

/// Calls f with every site until it returns true.
template <class F>
void find_site(const Fabric& fabric, const F& f) {
  const std::vector<int>& nodes = fabric.topology.extents;
  int first_node = 0;
  int first_link = 2 * static_cast<int>(nodes.size());
  for (std::size_t s = 0; s < nodes.size(); ++s) {
    const Site site{{fabric.topology.inside[s], nodes[s], fabric.node_bandwidth_bytes_per_s}, first_node, first_link};
    if (f(static_cast<int>(s), site)) return;
    first_node += nodes[s];
    first_link += kind_of(site).links(site.fabric);
  }
}

int site_of(const Fabric& fabric, int node) {
  int site = 0;
  for (const int nodes : fabric.topology.extents) {
    if (node < nodes) break;
    node -= nodes;
    ++site;
  }
  return site;
}

/// f(site, its row) for the site of a node.
template <class F>
void in_site(const Fabric& fabric, int node, const F& f) {
  const int number = site_of(fabric, node);
  find_site(fabric, [&](int s, const Site& site) {
    if (s != number) return false;
    f(site, kind_of(site));
    return true;
  });
}

template <class F>
void at_link(const Fabric& fabric, int link, const F& f) {
  find_site(fabric, [&](int s, const Site& site) {
    if (link - site.first_link >= kind_of(site).links(site.fabric)) return false;
    f(s, site, kind_of(site));
    return true;
  });
}

bool is_long(const Fabric& fabric, int link) { return link < 2 * static_cast<int>(fabric.topology.extents.size()); }

int links(const Fabric& fabric) {
  int count = 2 * static_cast<int>(fabric.topology.extents.size());
  find_site(fabric, [&](int, const Site& site) {
    count += kind_of(site).links(site.fabric);
    return false;
  });
  return count;
}

double bandwidth(const Fabric& fabric, int link) {
  double result = fabric.topology.link.bandwidth_bytes_per_s;
  if (is_long(fabric, link)) return result;
  at_link(fabric, link, [&](int, const Site& site, const TopologyKind& kind) {
    result = kind.bandwidth_bytes_per_s(site.fabric, link - site.first_link);
  });
  return result;
}

std::string link_name(const Fabric& fabric, int link) {
  if (is_long(fabric, link)) return cat("site", link / 2, link % 2 == 0 ? ".up" : ".down");
  std::string name;
  at_link(fabric, link, [&](int s, const Site& site, const TopologyKind& kind) {
    name = cat("site", s, ".", kind.link_name(site.fabric, link - site.first_link));
  });
  return name;
}

void route(const Fabric& fabric, int from, int to, FabricRoute& route) {
  const int a = site_of(fabric, from);
  const int b = site_of(fabric, to);
  if (a != b) {
    route.links.push_back(2 * a);
    route.links.push_back(2 * b + 1);
    route.latency_s += fabric.topology.link.latency_s;
    return;
  }
  in_site(fabric, from, [&](const Site& site, const TopologyKind& kind) {
    const std::size_t begin = route.links.size();
    kind.route(site.fabric, from - site.first_node, to - site.first_node, route);
    for (std::size_t i = begin; i < route.links.size(); ++i) route.links[i] += site.first_link;
  });
}

int hops(const Fabric& fabric, int from, int to) {
  int result = 2;
  if (site_of(fabric, from) == site_of(fabric, to))
    in_site(fabric, from, [&](const Site& site, const TopologyKind& kind) {
      result = kind.hops(site.fabric, from - site.first_node, to - site.first_node);
    });
  return result;
}

double pair_bandwidth(const Fabric& fabric, int from, int to) {
  double result = fabric.topology.link.bandwidth_bytes_per_s;
  if (site_of(fabric, from) == site_of(fabric, to))
    in_site(fabric, from, [&](const Site& site, const TopologyKind& kind) {
      result = kind.pair_bandwidth_bytes_per_s(site.fabric, from - site.first_node, to - site.first_node);
    });
  return result;
}

/// A site's node or switch, by the names that the site gives them.
std::string name_in_site(const Site& site, int s, const std::string& name) {
  if (name.starts_with("node")) return cat("node", std::stoi(name.substr(4)) + site.first_node);
  return cat("site", s, ".", name);
}

std::string attachment(const Fabric& fabric, int node) {
  std::string name;
  in_site(fabric, node, [&](const Site& site, const TopologyKind& kind) {
    name = name_in_site(site, site_of(fabric, node), kind.attachment(site.fabric, node - site.first_node));
  });
  return name;
}

LinkEnds ends(const Fabric& fabric, int link) {
  LinkEnds both;
  find_site(fabric, [&](int s, const Site& site) {
    if (is_long(fabric, link) && s == link / 2) {
      both = {attachment(fabric, site.first_node), "wide area"};
      if (link % 2 == 1) std::swap(both.from, both.to);
      return true;
    }
    if (is_long(fabric, link) || link - site.first_link >= kind_of(site).links(site.fabric)) return false;
    const LinkEnds inside = kind_of(site).ends(site.fabric, link - site.first_link);
    both = {name_in_site(site, s, inside.from), name_in_site(site, s, inside.to)};
    return true;
  });
  return both;
}

double bisection(const Fabric& fabric) {
  const int sites = static_cast<int>(fabric.topology.extents.size());
  double result = (sites / 2) * fabric.topology.link.bandwidth_bytes_per_s;
  if (sites == 1)
    in_site(fabric, 0, [&](const Site& site, const TopologyKind& kind) { result = kind.bisection_bytes_per_s(site.fabric); });
  return std::min(result, half_of_the_ports_bytes_per_s(fabric));
}

std::string problem(const Fabric& fabric) {
  std::int64_t sum = 0;
  for (const int nodes : fabric.topology.extents) sum += nodes;
  if (sum != fabric.nodes)
    return cat("the sites have ", sum, " nodes together, and there are ", fabric.nodes, "; write nodes: ", sum, " or other sites");
  constexpr std::int64_t kMostLinks = 1 << 28;
  std::int64_t links = 0;
  for (std::size_t s = 0; s < fabric.topology.inside.size(); ++s) {
    const Fabric site{fabric.topology.inside[s], fabric.topology.extents[s], fabric.node_bandwidth_bytes_per_s};
    const TopologyKind& kind = topology_kind(site.topology.kind);
    if (const std::string why = kind.problem(site); !why.empty()) return cat("site ", s, ": ", why);
    links += kind.links(site);
  }
  return links <= kMostLinks ? "" : cat("these sites have ", links, " links, more than the ", kMostLinks, " there can be");
}

}  // namespace

TopologyKind joined_topology() {
  return {.name = "joined",
          .sentence = "several clusters joined by a slow link",
          .keys = {"sites", "link", "inside"},
          .direct = false,
          .problem = problem,
          .links = links,
          .bandwidth_bytes_per_s = bandwidth,
          .link_name = link_name,
          .ends = ends,
          .attachment = attachment,
          .route = route,
          .hops = hops,
          .pair_bandwidth_bytes_per_s = pair_bandwidth,
          .bisection_bytes_per_s = bisection};
}

}  // namespace convoy
