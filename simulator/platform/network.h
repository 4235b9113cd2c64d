/// Network: the links of a cluster by number, and which of them a message goes through. A value that knows nothing of a
/// simulator.
///
/// Endpoints are numbers: first the ranks, then the memory of the host of every node (for parameter servers). Links have one
/// direction. Nothing is stored for a link or a route, see topology.h; so this costs a few hundred bytes for any cluster.
///
///     a message in a node         the links of interior.h
///     between two nodes           inside the first node to its NIC, nicN.up, the links of the topology, nicM.down, inside the
///                                 second node; a topology that joins nodes directly may do without NICs
///
/// All links of a route are taken at once and at one rate, as a fluid; messages that share a link share it (contention).
#pragma once

#include <string>
#include <vector>

#include "simulator/platform/interior.h"
#include "simulator/platform/protocols.h"
#include "simulator/platform/topology.h"

namespace convoy {

struct Cluster;

class Network {
 public:
  /// An InputError when the topology or a wiring does not fit the nodes, or when there are too many links to number.
  explicit Network(const Cluster& cluster);

  [[nodiscard]] int ranks() const { return ranks_; }
  [[nodiscard]] int nodes() const { return nodes_; }
  /// Ranks and hosts. Rank r is endpoint r.
  [[nodiscard]] int endpoints() const { return ranks_ + nodes_; }
  /// The endpoint that is the memory of the host of a node; its routes are an InputError where the cluster states no node.host.
  [[nodiscard]] int host(int node) const { return ranks_ + node; }
  [[nodiscard]] int node_of(int endpoint) const;
  /// The number of a rank's device in its node.
  [[nodiscard]] int device_of(int rank) const;
  /// The NIC of its node through which an endpoint sends and receives: see Cluster::nic_of; a host uses NIC 0.
  [[nodiscard]] int nic_of(int endpoint) const;

  /// One-way links: those of the topology come first, then those of node 0, of node 1, ...
  [[nodiscard]] int links() const { return links_; }
  /// A number n such that everything between the first `ranks` ranks goes over links below n.
  [[nodiscard]] int links_of_first(int ranks) const;
  /// The same of everything between the first `nodes` nodes, their hosts too.
  [[nodiscard]] int links_of_first_nodes(int nodes) const;
  [[nodiscard]] double bandwidth_bytes_per_s(int link) const;
  /// "node3.nic1.up", "node0.gpu5-gpu7", "node2-node3", "level1.switch4.up"; the same number always has the same name.
  [[nodiscard]] std::string link_name(int link) const;

  /// The links from one endpoint to another, into `links`, in order; none from an endpoint to itself. An InputError when the
  /// cluster has no way.
  void route(int from, int to, std::vector<int>& links) const;
  /// What one large message alone sees: the latency from end to end and the narrowest bandwidth; from an endpoint to itself no
  /// time.
  [[nodiscard]] LinkModel path(int from, int to) const;
  /// The same for a message of this size, by the protocols of the links between devices or of the NICs: what it takes beyond the
  /// bytes' own time is latency.
  [[nodiscard]] LinkModel path(int from, int to, double message_bytes) const;

  [[nodiscard]] const Topology& topology() const { return topology_; }
  /// What the topology's functions are asked with.
  [[nodiscard]] Fabric fabric() const { return {topology_, nodes_, node_bandwidth_bytes_per_s_}; }
  /// The interior of a node.
  [[nodiscard]] const Interior& interior(int node) const { return group_of_node(node).interior; }
  /// Links of a node are `links() of the topology` + ...: the first of this node.
  [[nodiscard]] int first_link(int node) const;

 private:
  struct Group {
    Interior interior;
    Protocols link_protocols, nic_protocols;
    int nodes = 0;
    int first_node = 0;
    int first_rank = 0;
    int first_link = 0;
    int links_per_node = 0;
  };
  [[nodiscard]] const Group& group_of_node(int node) const;
  [[nodiscard]] const Group& group_of_rank(int rank) const;
  [[nodiscard]] Endpoint inside(int endpoint) const;
  /// Fills in the links and returns the latency.
  double find(int from, int to, std::vector<int>& links) const;
  double add_inside(int node, Endpoint from, Endpoint to, std::vector<int>& links) const;
  [[nodiscard]] bool has_nic(int node) const { return interior(node).nic.bandwidth_bytes_per_s > 0; }

  std::string name_;
  Topology topology_;
  const TopologyKind* kind_;
  std::vector<Group> groups_;
  bool has_protocols_ = false;
  int ranks_ = 0;
  int nodes_ = 0;
  int links_ = 0;
  double node_bandwidth_bytes_per_s_ = 0;
};

}  // namespace convoy
