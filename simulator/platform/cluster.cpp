#include "simulator/platform/cluster.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "reference/core/error.h"
#include "simulator/platform/embedded_clusters.h"

namespace convoy {
namespace {

bool same(const LinkModel& a, const LinkModel& b) {
  return a.latency_s == b.latency_s && a.bandwidth_bytes_per_s == b.bandwidth_bytes_per_s;
}

bool looks_like_a_path(const std::string& text) { return text.find('/') != std::string::npos || text.ends_with(".yaml"); }

const LinkModel& present(const LinkModel& link, const Cluster& cluster, const char* key) {
  if (link.bandwidth_bytes_per_s > 0) return link;
  throw InputError(cat("cluster '", cluster.name, "' has no node.", key, ", which this message needs; add for example ", key,
                       ": {bandwidth: 100Gbit/s, latency: 3us}"));
}

}  // namespace

LinkModel Cluster::link(int from, int to) const {
  require(from >= 0 && to >= 0 && from < world_size() && to < world_size(), "Cluster::link", "ranks ", from, " and ", to, " of ",
          world_size());
  if (from == to) return {0, std::numeric_limits<double>::infinity()};
  if (node_of(from) == node_of(to)) return present(node_link, *this, "link");
  LinkModel link = present(nic, *this, "nic");
  if (devices_per_node > 1)
    link.bandwidth_bytes_per_s = std::min(link.bandwidth_bytes_per_s, present(node_link, *this, "link").bandwidth_bytes_per_s);
  return link;
}

bool operator==(const Cluster& a, const Cluster& b) {
  return a.name == b.name && a.description == b.description && a.nodes == b.nodes && a.devices_per_node == b.devices_per_node &&
         a.device == b.device && same(a.node_link, b.node_link) && a.nics_per_node == b.nics_per_node && same(a.nic, b.nic) &&
         a.topology == b.topology && a.cores_per_node == b.cores_per_node && a.cores_per_rank == b.cores_per_rank &&
         a.communication_cores == b.communication_cores;
}

std::vector<std::string> cluster_names() {
  std::vector<std::string> names;
  for (const EmbeddedCluster& row : embedded_clusters()) names.emplace_back(row.name);
  return names;
}

Cluster load_cluster(const std::string& path_or_name) {
  for (const EmbeddedCluster& row : embedded_clusters())
    if (row.name == path_or_name) return parse_cluster(std::string(row.yaml), cat(row.name, ".yaml"));
  if (!looks_like_a_path(path_or_name)) throw_unknown_word("cluster", path_or_name, cluster_names());
  std::ifstream file(path_or_name);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || std::filesystem::is_directory(path_or_name))
    throw InputError(cat("cannot read the cluster file '", path_or_name, "'"));
  return parse_cluster(text.str(), path_or_name);
}

void require_ranks(const Cluster& cluster, int ranks) {
  if (ranks <= cluster.world_size()) return;
  throw InputError(cat("cluster '", cluster.name, "' has ", cluster.world_size(), " devices (", cluster.nodes,
                       cluster.nodes == 1 ? " node of " : " nodes of ", cluster.devices_per_node, "), which is too few for ",
                       ranks, " ranks; use ", cluster.world_size(), " ranks or fewer, or a cluster file with nodes: ",
                       (ranks + cluster.devices_per_node - 1) / cluster.devices_per_node));
}

}  // namespace convoy
