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

bool looks_like_a_path(const std::string& text) { return text.find('/') != std::string::npos || text.ends_with(".yaml"); }

/// People write either; no two clusters differ in nothing else.
std::string with_dashes(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

const LinkModel& present(const LinkModel& link, const Cluster& cluster, const char* key) {
  if (link.bandwidth_bytes_per_s > 0) return link;
  throw InputError(cat("cluster '", cluster.name, "' has no node.", key, ", which this message needs; add for example ", key,
                       ": {bandwidth: 100Gbit/s, latency: 3us}"));
}

}  // namespace

int Cluster::world_size() const {
  int ranks = nodes * devices_per_node;
  for (const Cluster& more : others) ranks += more.nodes * more.devices_per_node;
  return ranks;
}

int Cluster::total_nodes() const {
  int sum = nodes;
  for (const Cluster& more : others) sum += more.nodes;
  return sum;
}

int Cluster::node_of(int rank) const { return others.empty() ? rank / devices_per_node : Network(*this).node_of(rank); }

int Cluster::nic_of(int rank) const {
  return others.empty() ? rank % devices_per_node * nics_per_node / devices_per_node : Network(*this).nic_of(rank);
}

Interior Cluster::interior() const {
  return {.devices = devices_per_node,
          .wiring = wiring,
          .link = node_link,
          .links_per_pair = links_per_pair,
          .pcie = pcie,
          .nics = nics_per_node,
          .nic = nic,
          .host = host};
}

LinkModel Cluster::link(int from, int to) const {
  require(from >= 0 && to >= 0 && from < world_size() && to < world_size(), "Cluster::link", "ranks ", from, " and ", to, " of ",
          world_size());
  if (from == to) return {0, std::numeric_limits<double>::infinity()};
  const bool plain = others.empty() && topology.kind == "switch" && wiring == "switch" && !pcie.present();
  if (!plain) return Network(*this).path(from, to);
  // The same without making a network: it is asked for every message.
  if (node_of(from) == node_of(to)) return present(node_link, *this, "link");
  LinkModel between = present(nic, *this, "nic");
  if (devices_per_node > 1)
    between.bandwidth_bytes_per_s =
        std::min(between.bandwidth_bytes_per_s, present(node_link, *this, "link").bandwidth_bytes_per_s);
  return between;
}

bool operator==(const Cluster& a, const Cluster& b) {
  return a.name == b.name && a.description == b.description && a.nodes == b.nodes && a.devices_per_node == b.devices_per_node &&
         a.device == b.device && same(a.node_link, b.node_link) && a.nics_per_node == b.nics_per_node && same(a.nic, b.nic) &&
         a.topology == b.topology && a.cores_per_node == b.cores_per_node && a.cores_per_rank == b.cores_per_rank &&
         a.communication_cores == b.communication_cores && a.wiring == b.wiring && a.links_per_pair == b.links_per_pair &&
         a.pcie == b.pcie && same(a.host, b.host) && a.sized_by_ranks == b.sized_by_ranks &&
         a.link_protocols == b.link_protocols && a.nic_protocols == b.nic_protocols && a.others == b.others;
}

std::vector<std::string> cluster_names() {
  std::vector<std::string> names;
  for (const EmbeddedCluster& row : embedded_clusters()) names.emplace_back(row.name);
  return names;
}

Cluster load_cluster(const std::string& path_or_name, std::vector<std::string>* warnings) {
  for (const EmbeddedCluster& row : embedded_clusters())
    if (with_dashes(std::string(row.name)) == with_dashes(path_or_name))
      return parse_cluster(std::string(row.yaml), cat(row.name, ".yaml"), warnings);
  if (!looks_like_a_path(path_or_name)) throw_unknown_word("cluster", path_or_name, cluster_names());
  std::ifstream file(path_or_name);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || std::filesystem::is_directory(path_or_name))
    throw InputError(cat("cannot read the cluster file '", path_or_name, "'"));
  return parse_cluster(text.str(), path_or_name, warnings);
}

void require_ranks(const Cluster& cluster, int ranks) {
  if (ranks <= cluster.world_size()) return;
  throw InputError(cat("cluster '", cluster.name, "' has ", cluster.world_size(), " devices (", cluster.nodes,
                       cluster.nodes == 1 ? " node of " : " nodes of ", cluster.devices_per_node, "), which is too few for ",
                       ranks, " ranks; use ", cluster.world_size(), " ranks or fewer, or a cluster file with nodes: ",
                       (ranks + cluster.devices_per_node - 1) / cluster.devices_per_node));
}

Cluster for_ranks(const Cluster& cluster, int ranks) {
  require_ranks(cluster, ranks);
  Cluster sized = cluster;
  if (cluster.sized_by_ranks) sized.nodes = (ranks + cluster.devices_per_node - 1) / cluster.devices_per_node;
  return sized;
}

}  // namespace convoy
