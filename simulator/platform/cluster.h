/// Cluster: the machine to simulate, as read from a cluster file.
///
/// The YAML form. Every quantity carries its unit; unknown keys are errors.
///
///     name: dgx-v100                   # what people call it
///     description: "..."               # optional
///     nodes: 16                        # all alike, joined by the topology
///     topology: switch                 # optional: one switch with full bandwidth between all nodes. Or a map, one of
///       # {kind: ring, link: {bandwidth: 50GiB/s, latency: 500ns}}      # link: from a node to its neighbour
///       # {kind: fully_connected, link: ...}
///       # {kind: torus, extents: [4, 2, 2], link: ...}
///       # {kind: fat_tree, children: [8, 2], over_subscription: [2], hop_latency: 300ns}   # from the nodes upwards
///       # {kind: dragonfly, nodes_per_router: 2, routers_per_group: 4, groups: 2, link: ..., global_link: ...}
///       # {kind: joined, sites: [8, 8], link: ..., inside: switch}      # several clusters and a slow link
///     sized_by_ranks: true             # optional: false; nodes is the most there can be, and N ranks make a ring of N
///     node:
///       devices: 8                     # ranks that fit on a node
///       device: V100-SXM2-16GB         # a name of the device table, or a map:
///         # name: V100
///         # peak: {fp32: 15.7TFLOP/s, fp16: 125TFLOP/s}   # of fp32, tf32, fp16, bf16, fp64: at least one
///         # memory_bandwidth: 900GB/s
///         # memory: 16GiB              # optional: without it memory is never checked
///         # launch_overhead: 5us       # optional: 0s
///         # source: vendor data sheet  # optional, but say where the numbers are from
///       wiring: switch                 # optional: or none, all_pairs, pairs, cube_mesh_4, cube_mesh_6, see wiring.cpp
///       link: {bandwidth: 150GB/s, latency: 2us}   # switch: of each device to the others; else of one link between two devices
///       links_per_pair: 2              # optional, with all_pairs and pairs: 1
///       pcie: {bandwidth: 15.75GB/s, latency: 5us, sockets: 2, switches_per_socket: 2, socket_link: ...}   # optional
///       nics: 4                        # optional: 1
///       nic: {bandwidth: 100Gbit/s, latency: 3us}  # of one NIC, node to node; needed for 2 nodes or more, except where the
///                                                  # topology joins nodes directly
///         # link and nic: also protocols: [{up_to: 8KiB, bandwidth: 2GB/s, latency: 5us}, ...]   # of smaller messages
///         #               and calibrated: {from: 1KiB, to: 16MiB}     # sizes that were measured; protocols.h explains both
///       host: {bandwidth: 20GB/s, latency: 1us}    # optional: memory of the host, for parameter servers
///       cores: 16                      # optional, the next three too: see Note [cores of a node] in simulator/engine
///       cores_per_rank: 1
///       communication_cores: 0.5
///
///     rates:                           # optional: what running costs
///       device: {idle: 45W, busy: 300W}
///       node: 1100W                    # optional: 0; a node besides its devices
///       transfer: 10pJ/bit             # optional: 0; of every byte that leaves a rank
///       price: 3.06USD/h               # optional; of a device
///       source: "..."                  # where these are from
///
/// Nodes of several kinds: `groups: [{nodes: 4, node: {...}}, {nodes: 2, node: {...}}]` instead of nodes and node.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "reference/collectives/collective.h"
#include "simulator/platform/interior.h"
#include "simulator/platform/network.h"
#include "simulator/platform/protocols.h"
#include "simulator/platform/rates.h"
#include "simulator/platform/topology.h"

namespace convoy {

/// What computes: a GPU, or a core (or several) of a CPU.
struct Device {
  std::string name;
  std::map<std::string, double> peak_flops_per_s;  ///< by precision: fp32, tf32, fp16, bf16, fp64
  double memory_bandwidth_bytes_per_s = 0;
  std::int64_t memory_bytes = 0;  ///< 0: unknown, never checked
  double launch_overhead_s = 0;   ///< time before a compute op begins to compute
  std::string source;             ///< where the numbers are from
  friend bool operator==(const Device&, const Device&) = default;
};

/// The precisions that a peak can be given for.
const std::vector<std::string>& precision_names();
/// The devices known by name, each number with its source.
const std::vector<Device>& device_table();

/// Nodes, all alike unless there are others, joined by a topology. Ranks are numbered node by node: in a cluster of like nodes,
/// rank r is device r % devices_per_node of node r / devices_per_node.
struct Cluster {
  std::string name;
  std::string description;
  int nodes = 1;  ///< of this kind; see total_nodes()
  int devices_per_node = 1;
  Device device;
  LinkModel node_link{0, 0};  ///< with wiring switch: from one device to another in the same node; every device has a link of its
                              ///< own, both ways. Else of one link between two devices. bandwidth 0: there is none
  Protocols link_protocols = {};  ///< of messages between devices of a node
  Protocols nic_protocols = {};   ///< of messages between nodes
  int nics_per_node = 1;          ///< devices share them evenly, see nic_of
  LinkModel nic{0, 0};            ///< latency and bandwidth of one NIC from node to node. bandwidth 0: there is none
  Topology topology;              ///< what joins all nodes
  /// Cores of a node that compute ops and host transports share. 0: devices compute on their own and messages cost no
  /// compute (GPUs with their copy engines).
  int cores_per_node = 0;
  int cores_per_rank = 1;          ///< that a compute op keeps busy; only with cores_per_node
  double communication_cores = 0;  ///< that a rank keeps busy while it receives; only with cores_per_node
  std::string wiring = "switch";   ///< what joins the devices of a node: a name of wiring_table()
  int links_per_pair = 1;          ///< with wiring all_pairs or pairs
  Pcie pcie;
  LinkModel host{0, 0};  ///< memory of the host, an endpoint of the Network. bandwidth 0: there is none
  /// Whether `nodes` is only the most there can be, and ranks make a cluster of as many nodes as they need: see for_ranks().
  bool sized_by_ranks = false;
  Rates rates = {};             ///< of all its nodes
  std::vector<Cluster> others;  ///< further nodes of other kinds; of them only what describes nodes counts

  [[nodiscard]] int world_size() const;
  [[nodiscard]] int total_nodes() const;
  [[nodiscard]] int node_of(int rank) const;
  /// The NIC of its node that a rank uses: device * nics / devices, rounded down. With 8 devices and 4 NICs, devices 0 and 1
  /// use NIC 0. With more NICs than devices some stay idle: one message uses one NIC.
  [[nodiscard]] int nic_of(int rank) const;
  /// What is inside a node of the first kind.
  [[nodiscard]] Interior interior() const;
  /// What one message alone between two ranks sees, as Network::path. Within a node with a switch: node_link. Between nodes it
  /// goes through the device's own link, the NIC, the topology, and down again: the latency is the NIC's and what the topology
  /// adds, the bandwidth the smallest (a node with one device has no device link). From a rank to itself nothing takes time. An
  /// InputError when the cluster has no such link. For many messages, make a Network once and ask that.
  [[nodiscard]] LinkModel link(int from, int to) const;
  friend bool operator==(const Cluster&, const Cluster&);
};

/// Reads a cluster file. An InputError gives file, line and column, what is wrong and an example. What is no error and yet can
/// hardly be meant, such as Ethernet of 100 GB/s, is added to `warnings`, with file, line and column too. `nodes`, unless 0, takes
/// the place of what the file says, and joins the name: dgx-h100@512.
Cluster parse_cluster(const std::string& yaml, const std::string& file_name, std::vector<std::string>* warnings = nullptr,
                      int nodes = 0);
/// A path, or the name of one of the clusters that come with Convoy; an InputError names the nearest. What contains a '/' or
/// ends in .yaml is a path. With an at sign and N behind it the cluster has N nodes: dgx-h100@512.
Cluster load_cluster(const std::string& path_or_name, std::vector<std::string>* warnings = nullptr);
/// Writes a cluster so that parse_cluster reads the same, bit for bit.
std::string to_yaml(const Cluster& cluster);
/// Names of the clusters that come with Convoy.
std::vector<std::string> cluster_names();

/// The cluster on which so many ranks run: with sized_by_ranks one of the nodes that they need, else the cluster itself.
/// InputError as require_ranks.
Cluster for_ranks(const Cluster& cluster, int ranks);

/// Throws InputError when the cluster has fewer than `ranks` devices, saying how many it has.
void require_ranks(const Cluster& cluster, int ranks);

}  // namespace convoy
