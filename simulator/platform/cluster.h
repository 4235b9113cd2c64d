/// Cluster: the machine to simulate, as read from a cluster file.
///
/// The YAML form. Every quantity carries its unit; unknown keys are errors.
///
///     name: dgx-v100                   # what people call it
///     description: "..."               # optional
///     nodes: 16                        # all alike, joined by the topology
///     topology: switch                 # optional: one switch with full bandwidth between all nodes, the only one yet
///     node:
///       devices: 8                     # ranks that fit on a node
///       device: V100-SXM2-16GB         # a name of the device table, or a map:
///         # name: V100
///         # peak: {fp32: 15.7TFLOP/s, fp16: 125TFLOP/s}   # of fp32, tf32, fp16, bf16, fp64: at least one
///         # memory_bandwidth: 900GB/s
///         # memory: 16GiB              # optional: without it memory is never checked
///         # launch_overhead: 5us       # optional: 0s
///         # source: vendor data sheet  # optional, but say where the numbers are from
///       link: {bandwidth: 150GB/s, latency: 2us}   # of each device to the others; needed for 2 devices or more
///       nics: 4                        # optional: 1
///       nic: {bandwidth: 100Gbit/s, latency: 3us}  # of one NIC, node to node; needed for 2 nodes or more
///       cores: 16                      # optional, the next three too: see Note [cores of a node] in simulator/engine
///       cores_per_rank: 1
///       communication_cores: 0.5
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "reference/collectives/collective.h"

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

/// All nodes are alike. Rank r is device r % devices_per_node of node r / devices_per_node.
struct Cluster {
  std::string name;
  std::string description;
  int nodes = 1;
  int devices_per_node = 1;
  Device device;
  LinkModel node_link{0, 0};  ///< from one device to another in the same node; every device has a link of its own, both ways.
                              ///< bandwidth 0: there is none
  int nics_per_node = 1;      ///< devices share them evenly, see nic_of
  LinkModel nic{0, 0};  ///< latency and bandwidth of one NIC from node to node, through the switch. bandwidth 0: there is none
  std::string topology = "switch";  ///< one switch with full bandwidth between all nodes
  /// Cores of a node that compute ops and host transports share. 0: devices compute on their own and messages cost no
  /// compute (GPUs with their copy engines).
  int cores_per_node = 0;
  int cores_per_rank = 1;          ///< that a compute op keeps busy; only with cores_per_node
  double communication_cores = 0;  ///< that a rank keeps busy while it receives; only with cores_per_node

  [[nodiscard]] int world_size() const { return nodes * devices_per_node; }
  [[nodiscard]] int node_of(int rank) const { return rank / devices_per_node; }
  /// The NIC of its node that a rank uses: device * nics / devices, rounded down. With 8 devices and 4 NICs, devices 0 and 1
  /// use NIC 0. With more NICs than devices some stay idle: one message uses one NIC.
  [[nodiscard]] int nic_of(int rank) const { return rank % devices_per_node * nics_per_node / devices_per_node; }
  /// What one message alone between two ranks sees. Within a node: node_link. Between nodes it goes through the device's own
  /// link, the NIC, the switch, and down again: the latency is the NIC's, the bandwidth the smaller of the two (a node with one
  /// device has no device link). From a rank to itself nothing takes time. An InputError when the cluster has no such link.
  [[nodiscard]] LinkModel link(int from, int to) const;
  friend bool operator==(const Cluster&, const Cluster&);
};

/// Reads a cluster file. An InputError gives file, line and column, what is wrong and an example.
Cluster parse_cluster(const std::string& yaml, const std::string& file_name);
/// A path, or the name of one of the clusters that come with Convoy; an InputError names the nearest. What contains a '/' or
/// ends in .yaml is a path.
Cluster load_cluster(const std::string& path_or_name);
/// Writes a cluster so that parse_cluster reads the same, bit for bit.
std::string to_yaml(const Cluster& cluster);
/// Names of the clusters that come with Convoy.
std::vector<std::string> cluster_names();

/// Throws InputError when the cluster has fewer than `ranks` devices, saying how many it has.
void require_ranks(const Cluster& cluster, int ranks);

}  // namespace convoy
