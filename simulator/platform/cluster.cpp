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

/// What stands before and behind the @ of "dgx-h100@512"; 0 nodes where there is no @ with a number behind it.
struct NamedSize {
  std::string cluster;
  int nodes = 0;
};

NamedSize split_size(const std::string& text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string::npos || at + 1 == text.size()) return {text};
  const std::string digits = text.substr(at + 1);
  if (digits.find_first_not_of("0123456789") != std::string::npos) return {text};
  const int nodes = digits.size() > 7 ? 0 : std::stoi(digits);
  if (nodes < 1) throw InputError(cat("'", text, "' asks for ", digits, " nodes; write for example ", text.substr(0, at), "@512"));
  return {text.substr(0, at), nodes};
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
  const auto [wanted, nodes] = split_size(path_or_name);
  for (const EmbeddedCluster& row : embedded_clusters())
    if (with_dashes(std::string(row.name)) == with_dashes(wanted))
      return parse_cluster(std::string(row.yaml), cat(row.name, ".yaml"), warnings, nodes);
  if (!looks_like_a_path(wanted) && std::filesystem::is_regular_file(wanted))
    throw InputError(cat("'", wanted, "' is no cluster that comes with Convoy; to read the file of that name write ./", wanted));
  if (!looks_like_a_path(wanted)) throw_unknown_word("cluster", wanted, cluster_names());
  std::ifstream file(wanted);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || std::filesystem::is_directory(wanted)) throw InputError(cat("cannot read the cluster file '", wanted, "'"));
  return parse_cluster(text.str(), wanted, warnings, nodes);
}

void require_ranks(const Cluster& cluster, int ranks) {
  if (ranks <= cluster.world_size()) return;
  throw InputError(cat("cluster '", cluster.name, "' has ", cluster.world_size(), " devices (", cluster.nodes,
                       cluster.nodes == 1 ? " node of " : " nodes of ", cluster.devices_per_node, "), which is too few for ",
                       ranks, " ranks; use ", cluster.world_size(), " ranks or fewer, or ask for more nodes with @",
                       (ranks + cluster.devices_per_node - 1) / cluster.devices_per_node, " behind the cluster"));
}

Cluster for_ranks(const Cluster& cluster, int ranks) {
  require_ranks(cluster, ranks);
  Cluster sized = cluster;
  if (cluster.sized_by_ranks) sized.nodes = (ranks + cluster.devices_per_node - 1) / cluster.devices_per_node;
  return sized;
}

}  // namespace convoy
