/// Topologies in cluster files: `topology: switch`, or a map with a kind and what that kind needs.
#include <algorithm>

#include "simulator/platform/yaml_parts.h"

namespace convoy {
namespace {

constexpr const char* kExample = "{kind: fat_tree, children: [16, 8], over_subscription: [2]}";
constexpr int kMost = 1'000'000;

/// A pointer, since GCC 14 takes a reference from a function for one into its arguments.
const TopologyKind* kind_named(const YamlMap& map, const std::string& key) {
  return map.parsed(key, "switch", [](const std::string& name) { return &topology_kind(name); });
}

std::vector<std::string> all_keys() {
  std::vector<std::string> keys = {"kind"};
  for (const TopologyKind& row : topology_table())
    for (const std::string& key : row.keys)
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  return keys;
}

Topology from_map(const YamlMap& map, Warnings& warnings);

/// The value of `key`: a kind that needs nothing more, or a map.
Topology from_value(const YamlMap& parent, const std::string& key, Warnings& warnings) {
  if (parent.is_map(key)) return from_map(parent.map(key, all_keys(), kExample), warnings);
  const TopologyKind& kind = *kind_named(parent, key);
  for (const char* needed : {"link", "children", "extents", "groups"})
    if (std::find(kind.keys.begin(), kind.keys.end(), needed) != kind.keys.end())
      parent.fail(key, cat("topology ", kind.name, " needs ", needed, "; write ", key, ": {kind: ", kind.name, ", ", needed, ": ...}"));
  return {.kind = kind.name};
}

std::vector<Topology> sites_of(const YamlMap& map, std::size_t sites, Warnings& warnings) {
  if (!map.has("inside")) return std::vector<Topology>(sites);
  if (!map.is_list("inside")) return std::vector<Topology>(sites, from_value(map, "inside", warnings));
  std::vector<Topology> inside;
  for (const YamlMap& site : map.maps("inside", all_keys(), "[{kind: switch}, {kind: ring, link: ...}]"))
    inside.push_back(from_map(site, warnings));
  if (inside.size() != sites)
    map.fail("inside", cat("inside describes ", inside.size(), " sites, and sites lists ", sites, "; describe as many, or one for all"));
  return inside;
}

Topology from_map(const YamlMap& map, Warnings& warnings) {
  const TopologyKind& kind = *kind_named(map, "kind");
  for (const std::string& key : map.present_keys())
    if (key != "kind" && std::find(kind.keys.begin(), kind.keys.end(), key) == kind.keys.end())
      map.fail(key, cat("a topology of kind ", kind.name, " has no ", key, "; leave it out"));
  const auto needs = [&](const char* key) { return std::find(kind.keys.begin(), kind.keys.end(), key) != kind.keys.end(); };
  Topology topology{.kind = kind.name};
  if (needs("link")) topology.link = parse_link(map, "link", kind.name == "joined" ? LinkUse::wide_area : LinkUse::fabric, warnings);
  if (needs("global_link"))
    topology.global_link = map.has("global_link") ? parse_link(map, "global_link", LinkUse::fabric, warnings) : topology.link;
  if (needs("extents")) topology.extents = map.counts("extents", kMost);
  if (needs("children")) topology.extents = map.counts("children", kMost);
  if (needs("groups"))
    topology.extents = {map.count("nodes_per_router"), map.count("routers_per_group"), map.count("groups")};
  if (map.has("over_subscription")) {
    topology.over_subscription = map.numbers("over_subscription", 1, 1000);
    if (topology.over_subscription.size() >= topology.extents.size())
      map.fail("over_subscription", cat("over_subscription has ", topology.over_subscription.size(), " levels, and only ",
                                        topology.extents.size() - 1, " have a level above; give at most as many"));
  }
  if (map.has("hop_latency")) topology.hop_latency_s = map.quantity("hop_latency", latency_quantity());
  if (needs("sites")) {
    topology.extents = map.counts("sites", kMost);
    topology.inside = sites_of(map, topology.extents.size(), warnings);
    for (const Topology& site : topology.inside)
      if (site.kind == "joined") map.fail("inside", "a site cannot be joined from sites; list all sites in one joined");
  }
  return topology;
}

}  // namespace

Topology parse_topology(const YamlMap& root, Warnings& warnings) { return from_value(root, "topology", warnings); }

}  // namespace convoy
