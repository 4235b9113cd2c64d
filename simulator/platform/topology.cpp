#include "simulator/platform/topology.h"

#include <algorithm>
#include <limits>

#include "reference/core/error.h"
#include "simulator/platform/interior.h"

namespace convoy {

bool same(const LinkModel& a, const LinkModel& b) {
  return a.latency_s == b.latency_s && a.bandwidth_bytes_per_s == b.bandwidth_bytes_per_s;
}

bool operator==(const Topology& a, const Topology& b) {
  return a.kind == b.kind && same(a.link, b.link) && same(a.global_link, b.global_link) && a.extents == b.extents &&
         a.over_subscription == b.over_subscription && a.hop_latency_s == b.hop_latency_s && a.inside == b.inside;
}

const std::vector<TopologyKind>& topology_table() {
  static const std::vector<TopologyKind> rows = {switch_topology(),   ring_topology(),      fully_connected_topology(),
                                                 fat_tree_topology(), torus_topology(),     dragonfly_topology(),
                                                 joined_topology()};
  return rows;
}

const TopologyKind& topology_kind(const std::string& name) {
  for (const TopologyKind& row : topology_table())
    if (row.name == name) return row;
  std::vector<std::string> names;
  for (const TopologyKind& row : topology_table()) names.push_back(row.name);
  throw_unknown_word("topology", name, names);
}

LinkEnds ends_of_name(const std::string& link_name) {
  const std::size_t dash = link_name.find('-');
  std::string prefix = link_name.substr(0, dash);
  const std::string last = link_name.substr(dash + 1);
  for (auto parts = std::count(last.begin(), last.end(), '.') + 1; parts > 0; --parts)
    prefix.resize(prefix.find('.') == std::string::npos ? 0 : prefix.rfind('.'));
  return {link_name.substr(0, dash), prefix.empty() ? last : prefix + "." + last};
}

std::string node_name(const Fabric&, int node) { return cat("node", node); }

double half_of_the_ports_bytes_per_s(const Fabric& fabric) {
  const double all = std::numeric_limits<double>::infinity();
  return fabric.node_bandwidth_bytes_per_s > 0 ? fabric.node_bandwidth_bytes_per_s * (fabric.nodes / 2) : all;
}

double unbounded(const Fabric&, int, int) { return std::numeric_limits<double>::infinity(); }

}  // namespace convoy
