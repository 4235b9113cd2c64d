#include "simulator/platform/network.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "reference/core/error.h"
#include "simulator/platform/cluster.h"

namespace convoy {
namespace {

constexpr std::int64_t kMostLinks = 1 << 28;

/// The last group whose `first` is not beyond `value`. Groups are few.
template <class Groups, class First>
const auto& group_at(const Groups& groups, int value, const First& first) {
  std::size_t g = groups.size() - 1;
  while (g > 0 && first(groups[g]) > value) --g;
  return groups[g];
}

std::string problem_of(const Interior& interior) {
  if (std::string why = wiring(interior.wiring).problem(interior); !why.empty()) return why;
  constexpr int kMostSockets = 64;
  if (interior.pcie.sockets > kMostSockets) return cat("a node has at most ", kMostSockets, " sockets");
  return "";
}

}  // namespace

Network::Network(const Cluster& cluster)
    : name_(cluster.name), topology_(cluster.topology), kind_(&topology_kind(cluster.topology.kind)) {
  for (std::size_t g = 0; g <= cluster.others.size(); ++g) {
    const Cluster& nodes = g == 0 ? cluster : cluster.others[g - 1];
    Group group{.interior = nodes.interior(),
                .link_protocols = nodes.link_protocols,
                .nic_protocols = nodes.nic_protocols,
                .nodes = nodes.nodes,
                .first_node = nodes_,
                .first_rank = ranks_};
    has_protocols_ = has_protocols_ || !group.link_protocols.ranges.empty() || !group.nic_protocols.ranges.empty();
    if (const std::string why = problem_of(group.interior); !why.empty()) throw InputError(cat("cluster '", name_, "': ", why));
    group.links_per_node = interior_links(group.interior);
    nodes_ += group.nodes;
    ranks_ += group.nodes * group.interior.devices;
    node_bandwidth_bytes_per_s_ =
        std::max(node_bandwidth_bytes_per_s_, group.interior.nics * group.interior.nic.bandwidth_bytes_per_s);
    groups_.push_back(std::move(group));
  }
  if (const std::string why = nodes_ > 1 ? kind_->problem(fabric()) : ""; !why.empty())
    throw InputError(cat("cluster '", name_, "': ", why));
  std::int64_t links = nodes_ > 1 ? kind_->links(fabric()) : 0;
  for (Group& group : groups_) {
    group.first_link = static_cast<int>(links);
    links += std::int64_t{group.nodes} * group.links_per_node;
    if (links > kMostLinks)
      throw InputError(cat("cluster '", name_, "' has more than ", kMostLinks, " links, the most there can be"));
  }
  links_ = static_cast<int>(links);
}

const Network::Group& Network::group_of_node(int node) const {
  return group_at(groups_, node, [](const Group& g) { return g.first_node; });
}

const Network::Group& Network::group_of_rank(int rank) const {
  return group_at(groups_, rank, [](const Group& g) { return g.first_rank; });
}

int Network::node_of(int endpoint) const {
  require(endpoint >= 0 && endpoint < endpoints(), "Network", "endpoint ", endpoint, " of ", endpoints());
  if (endpoint >= ranks_) return endpoint - ranks_;
  const Group& group = group_of_rank(endpoint);
  return group.first_node + (endpoint - group.first_rank) / group.interior.devices;
}

int Network::device_of(int rank) const {
  const Group& group = group_of_rank(rank);
  return (rank - group.first_rank) % group.interior.devices;
}

int Network::nic_of(int endpoint) const {
  return endpoint >= ranks_ ? 0 : group_of_rank(endpoint).interior.nic_of(device_of(endpoint));
}

int Network::first_link(int node) const {
  const Group& group = group_of_node(node);
  return group.first_link + (node - group.first_node) * group.links_per_node;
}

int Network::links_of_first(int ranks) const {
  require(ranks >= 1 && ranks <= ranks_, "Network::links_of_first", ranks, " of ", ranks_, " ranks");
  return links_of_first_nodes(node_of(ranks - 1) + 1);
}

int Network::links_of_first_nodes(int nodes) const {
  require(nodes >= 1 && nodes <= nodes_, "Network::links_of_first_nodes", nodes, " of ", nodes_, " nodes");
  return nodes < nodes_ ? first_link(nodes) : links_;
}

double Network::bandwidth_bytes_per_s(int link) const {
  require(link >= 0 && link < links_, "Network::bandwidth", "link ", link, " of ", links_);
  if (link < groups_.front().first_link) return kind_->bandwidth_bytes_per_s(fabric(), link);
  const Group& group = group_at(groups_, link, [](const Group& g) { return g.first_link; });
  return interior_bandwidth_bytes_per_s(group.interior, (link - group.first_link) % group.links_per_node);
}

std::string Network::link_name(int link) const {
  require(link >= 0 && link < links_, "Network::link_name", "link ", link, " of ", links_);
  if (link < groups_.front().first_link) return kind_->link_name(fabric(), link);
  const Group& group = group_at(groups_, link, [](const Group& g) { return g.first_link; });
  const int number = link - group.first_link;
  return cat("node", group.first_node + number / group.links_per_node, ".",
             interior_link_name(group.interior, number % group.links_per_node));
}

Endpoint Network::inside(int endpoint) const {
  if (endpoint >= ranks_) return {Endpoint::Kind::host, 0};
  return {Endpoint::Kind::device, device_of(endpoint)};
}

double Network::add_inside(int node, Endpoint from, Endpoint to, std::vector<int>& links) const {
  InteriorRoute part;
  add_interior_route(interior(node), from, to, part);
  for (const int link : part.links) links.push_back(first_link(node) + link);
  return part.latency_s;
}

double Network::find(int from, int to, std::vector<int>& links) const {
  links.clear();
  if (from == to) return 0;
  const int a = node_of(from);
  const int b = node_of(to);
  if (a == b) return add_inside(a, inside(from), inside(to), links);
  if (has_nic(a) != has_nic(b) || !(has_nic(a) || kind_->direct))
    throw InputError(cat("cluster '", name_, "' has no node.nic, which this message needs; add for example ",
                         "nic: {bandwidth: 100Gbit/s, latency: 3us}"));
  if (has_nic(a)) add_inside(a, inside(from), {Endpoint::Kind::nic, nic_of(from)}, links);
  FabricRoute between;
  kind_->route(fabric(), a, b, between);
  links.insert(links.end(), between.links.begin(), between.links.end());
  if (has_nic(b)) add_inside(b, {Endpoint::Kind::nic, nic_of(to)}, inside(to), links);
  return between.latency_s + std::max(interior(a).nic.latency_s, interior(b).nic.latency_s);
}

void Network::route(int from, int to, std::vector<int>& links) const { find(from, to, links); }

LinkModel Network::path(int from, int to) const {
  std::vector<int> links;
  LinkModel path{find(from, to, links), std::numeric_limits<double>::infinity()};
  for (const int link : links) path.bandwidth_bytes_per_s = std::min(path.bandwidth_bytes_per_s, bandwidth_bytes_per_s(link));
  return path;
}

LinkModel Network::path(int from, int to, double message_bytes) const {
  LinkModel path = this->path(from, to);
  if (!has_protocols_ || from == to) return path;
  const int node = node_of(from);
  const Group& group = group_of_node(node);
  const bool inside = node == node_of(to);
  const LinkModel& link = inside ? group.interior.link : group.interior.nic;
  path.latency_s += (inside ? group.link_protocols : group.nic_protocols).beyond_s(message_bytes, link);
  path.latency_s = std::max(0.0, path.latency_s);
  return path;
}

}  // namespace convoy
