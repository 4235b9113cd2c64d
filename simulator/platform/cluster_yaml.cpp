/// Reading of cluster files. cluster.h describes them.

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/yaml_map.h"
#include "simulator/platform/cluster.h"
#include "simulator/platform/yaml_parts.h"

namespace convoy {
namespace {

const Quantity kPeak{parse_flops_per_s, "15.7TFLOP/s", 1e6, 1e21, true};
const Quantity kMemory{[](std::string_view text) { return static_cast<double>(parse_bytes(text)); }, "16GiB", 1, 1e18, true};
constexpr int kMostRanks = 1 << 20;
constexpr int kMostNics = 1024;
constexpr const char* kDeviceExample = "{name: V100, peak: {fp32: 15.7TFLOP/s}, memory_bandwidth: 900GB/s, memory: 16GiB}";

Device parse_device(const YamlMap& map, const std::string& file_name) {
  Device device;
  device.name = map.text("name", "V100");
  const YamlMap peak = map.map("peak", precision_names(), "{fp32: 15.7TFLOP/s}");
  for (const std::string& precision : peak.present_keys()) device.peak_flops_per_s[precision] = peak.quantity(precision, kPeak);
  if (device.peak_flops_per_s.empty()) map.fail("peak", "the device has no peak; write for example peak: {fp32: 15.7TFLOP/s}");
  device.memory_bandwidth_bytes_per_s = map.quantity("memory_bandwidth", bandwidth_quantity());
  if (map.has("memory")) device.memory_bytes = static_cast<std::int64_t>(map.quantity("memory", kMemory));
  if (map.has("launch_overhead")) device.launch_overhead_s = map.quantity("launch_overhead", latency_quantity());
  device.source = map.has("source") ? map.text("source", "vendor data sheet") : "stated in " + file_name;
  return device;
}

Device device_of(const YamlMap& node, const std::string& file_name) {
  if (node.is_map("device")) {
    const std::vector<std::string> keys = {"name", "peak", "memory_bandwidth", "memory", "launch_overhead", "source"};
    return parse_device(node.map("device", keys, kDeviceExample), file_name);
  }
  const std::string name = node.text("device", "V100-SXM2-16GB");
  std::vector<std::string> known;
  for (const Device& device : device_table()) {
    if (device.name == name) return device;
    known.push_back(device.name);
  }
  try {
    throw_unknown_word("device", name, known);
  } catch (const InputError& error) {
    node.fail("device", cat(error.what(), "; or describe it: device: ", kDeviceExample));
  }
}

void parse_cores(const YamlMap& node, Cluster& cluster) {
  if (node.has("cores")) {
    cluster.cores_per_node = node.count("cores");
    if (node.has("cores_per_rank")) cluster.cores_per_rank = node.count("cores_per_rank");
    if (node.has("communication_cores"))
      cluster.communication_cores = node.number("communication_cores", 0, cluster.cores_per_node);
    if (cluster.cores_per_rank > cluster.cores_per_node)
      node.fail("cores_per_rank",
                cat("node.cores_per_rank is ", cluster.cores_per_rank, ", but a node has only ", cluster.cores_per_node,
                    " cores; write cores_per_rank: ", cluster.cores_per_node, " or less"));
    return;
  }
  for (const char* key : {"cores_per_rank", "communication_cores"})
    if (node.has(key)) node.fail(key, cat("node.", key, " says nothing without node.cores; add for example cores: 16"));
}

const std::vector<std::string> kNodeKeys = {"devices", "device", "wiring", "link",  "links_per_pair", "pcie",
                                            "nics",    "nic",    "host",   "cores", "cores_per_rank", "communication_cores"};
constexpr const char* kNodeExample = "{devices: 8, device: V100-SXM2-16GB, link: {bandwidth: 150GB/s, latency: 2us}}";

Pcie parse_pcie(const YamlMap& node, Warnings& warnings) {
  const YamlMap map =
      node.map("pcie", {"bandwidth", "latency", "sockets", "switches_per_socket", "socket_link"},
               "{bandwidth: 15.75GB/s, latency: 5us, sockets: 2, socket_link: {bandwidth: 19.2GB/s, latency: 1us}}");
  Pcie pcie{.link = parse_link(map, LinkUse::device, warnings)};
  if (map.has("sockets")) pcie.sockets = map.count("sockets", 64);
  if (map.has("switches_per_socket")) pcie.switches_per_socket = map.count("switches_per_socket", 1024);
  if (pcie.sockets > 1)
    pcie.socket_link = parse_link(map, "socket_link", LinkUse::device, warnings);
  else if (map.has("socket_link"))
    map.fail("socket_link", "node.pcie.socket_link says nothing with one socket; add for example sockets: 2");
  return pcie;
}

/// What joins the devices: wiring, link, links_per_pair, pcie.
void parse_interior(const YamlMap& node, Cluster& cluster, Warnings& warnings) {
  if (node.has("wiring"))
    cluster.wiring = node.parsed("wiring", "switch", [](const std::string& name) { return wiring(name).name; });
  if (const std::string why = wiring(cluster.wiring).problem(cluster.interior()); !why.empty()) node.fail("wiring", why);
  const bool joined_by_links = cluster.devices_per_node > 1 && cluster.wiring != "none";
  if (joined_by_links || node.has("link"))
    cluster.node_link = parse_link(node, "link", LinkUse::device, cluster.link_protocols, warnings);
  if (node.has("links_per_pair")) {
    if (cluster.wiring != "all_pairs" && cluster.wiring != "pairs")
      node.fail("links_per_pair", cat("node.links_per_pair says nothing with wiring ", cluster.wiring,
                                      "; write wiring: all_pairs or wiring: pairs, or leave it out"));
    cluster.links_per_pair = node.count("links_per_pair", 1024);
  }
  if (node.has("pcie") || (cluster.devices_per_node > 1 && cluster.wiring == "none")) cluster.pcie = parse_pcie(node, warnings);
}

void parse_node(const YamlMap& node, Cluster& cluster, const std::string& file_name, Warnings& warnings) {
  cluster.devices_per_node = node.count("devices");
  if (std::int64_t{cluster.nodes} * cluster.devices_per_node > kMostRanks)
    node.fail("devices", cat(cluster.nodes, cluster.nodes == 1 ? " node of " : " nodes of ", cluster.devices_per_node,
                             " devices are more than ", kMostRanks, " devices, the most there can be"));
  cluster.device = device_of(node, file_name);
  parse_interior(node, cluster, warnings);
  if (node.has("nics")) cluster.nics_per_node = node.count("nics", kMostNics);
  if (node.has("nic")) cluster.nic = parse_link(node, "nic", LinkUse::nic, cluster.nic_protocols, warnings);
  if (node.has("host")) cluster.host = parse_link(node, "host", LinkUse::device, warnings);
  parse_cores(node, cluster);
}

/// nodes and node, or groups. `asked` nodes, unless 0, instead of those in the file.
void parse_nodes(const YamlMap& root, int asked, Cluster& cluster, const std::string& file_name, Warnings& warnings) {
  if (!root.has("groups")) {
    cluster.nodes = root.count("nodes");
    if (asked > 0) cluster.nodes = asked;
    return parse_node(root.map("node", kNodeKeys, kNodeExample), cluster, file_name, warnings);
  }
  if (asked > 0) root.fail("groups", cat("nodes of several kinds cannot be asked for by number; leave '@", asked, "' out"));
  for (const char* key : {"nodes", "node"})
    if (root.has(key)) root.fail(key, cat("a file with groups has no ", key, " of its own; put it into groups"));
  std::int64_t ranks = 0;
  bool first = true;
  for (const YamlMap& group : root.maps("groups", {"nodes", "node"}, cat("[{nodes: 4, node: ", kNodeExample, "}]"))) {
    Cluster nodes;
    Cluster& target = first ? cluster : nodes;
    target.nodes = group.count("nodes");
    parse_node(group.map("node", kNodeKeys, kNodeExample), target, file_name, warnings);
    ranks += std::int64_t{target.nodes} * target.devices_per_node;
    if (ranks > kMostRanks) group.fail("nodes", cat("the groups have more than ", kMostRanks, " devices, the most there can be"));
    if (target.cores_per_node > 0 && (!first || root.maps("groups", {"nodes", "node"}, "").size() > 1))
      group.fail("node", "node.cores is for clusters of like nodes; leave it out, or write nodes and node instead of groups");
    if (!first) cluster.others.push_back(std::move(nodes));
    first = false;
  }
}

bool parse_sized_by_ranks(const YamlMap& root, const Cluster& cluster) {
  if (!root.has("sized_by_ranks")) return false;
  const std::string value = root.text("sized_by_ranks", "true");
  if (value != "true" && value != "false")
    root.fail("sized_by_ranks", cat("sized_by_ranks is '", value, "'; write sized_by_ranks: true, or leave it out"));
  const std::string& kind = cluster.topology.kind;
  if (value == "true" && (!cluster.others.empty() || (kind != "switch" && kind != "ring" && kind != "fully_connected")))
    root.fail("sized_by_ranks", cat("a cluster with topology ", kind, cluster.others.empty() ? "" : " and groups",
                                    " cannot have any number of nodes; leave sized_by_ranks out"));
  return value == "true";
}

Rates parse_rates(const YamlMap& root) {
  Rates rates;
  if (!root.has("rates")) return rates;
  const YamlMap map = root.map("rates", {"device", "node", "transfer", "price", "source"},
                               "{device: {idle: 45W, busy: 300W}, price: 3.06USD/h, source: vendor data sheet}");
  if (map.has("device")) {
    const YamlMap device = map.map("device", {"idle", "busy"}, "{idle: 45W, busy: 300W}");
    rates.device_idle_w = device.parsed("idle", "45W", parse_power_w);
    rates.device_busy_w = device.parsed("busy", "300W", parse_power_w);
    if (!(rates.device_busy_w > 0 && rates.device_busy_w >= rates.device_idle_w))
      device.fail("busy", cat("a busy device draws ", rates.device_busy_w, " W and an idle one ", rates.device_idle_w,
                              " W; write for example device: {idle: 45W, busy: 300W}"));
  }
  for (const char* key : {"node", "transfer"})
    if (map.has(key) && !map.has("device"))
      map.fail(key, cat("rates.", key, " says nothing without rates.device; add for example device: {idle: 45W, busy: 300W}"));
  if (map.has("node")) rates.node_w = map.parsed("node", "1100W", parse_power_w);
  if (map.has("transfer")) rates.joules_per_byte = map.parsed("transfer", "10pJ/bit", parse_joules_per_byte);
  if (map.has("price")) {
    const Price price = map.parsed("price", "3.06USD/h", parse_price);
    rates.price_per_device_hour = price.per_hour;
    rates.currency = price.currency;
  }
  if (map.has("source")) rates.source = map.text("source", "vendor data sheet");
  return rates;
}

/// Asks the network whether everything fits, and says where it is written when not.
void check_network(const YamlMap& root, const Cluster& cluster) {
  const bool direct = topology_kind(cluster.topology.kind).direct;
  std::size_t with_nic = cluster.nic.bandwidth_bytes_per_s > 0 ? 1 : 0;
  for (const Cluster& nodes : cluster.others) with_nic += nodes.nic.bandwidth_bytes_per_s > 0 ? 1 : 0;
  const bool all = with_nic == cluster.others.size() + 1;
  if (cluster.total_nodes() > 1 && !all && (!direct || with_nic > 0)) {
    const std::string message = "node.nic is missing; expected a map, for example nic: {bandwidth: 100Gbit/s, latency: 3us}";
    if (root.has("groups")) root.fail("groups", message);
    root.map("node", kNodeKeys, kNodeExample).fail("nic", message);
  }
  try {
    (void)Network(cluster);
  } catch (const InputError& error) {
    root.fail(root.has("topology") && cluster.total_nodes() > 1 ? "topology" : "node", error.what());
  }
}

}  // namespace

Cluster parse_cluster(const std::string& yaml, const std::string& file_name, std::vector<std::string>* warnings, int nodes) {
  const YamlMap root =
      parse_yaml_map(yaml, file_name, {"name", "description", "nodes", "topology", "node", "groups", "sized_by_ranks", "rates"});
  Warnings found;
  Cluster cluster;
  cluster.name = root.text("name", "my-cluster");
  if (nodes > 0) cluster.name += cat("@", nodes);
  if (root.has("description")) cluster.description = root.text("description", "8 V100 per node");
  if (root.has("topology")) cluster.topology = parse_topology(root, found);
  parse_nodes(root, nodes, cluster, file_name, found);
  cluster.sized_by_ranks = parse_sized_by_ranks(root, cluster);
  cluster.rates = parse_rates(root);
  check_network(root, cluster);
  if (warnings != nullptr) warnings->insert(warnings->end(), found.begin(), found.end());
  return cluster;
}

}  // namespace convoy
