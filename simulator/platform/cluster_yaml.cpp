/// The YAML form of clusters, in and out. cluster.h describes it.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/yaml_map.h"
#include "simulator/platform/cluster.h"

namespace convoy {
namespace {

// Limits: far beyond every machine, near enough to catch a wrong unit, and small enough for sums and products to stay finite.
const Quantity kBandwidth{parse_bandwidth_bytes_per_s, "100Gbit/s", 1, 1e15, true};
const Quantity kLatency{parse_time_s, "2us", 0, 3600, true};
const Quantity kPeak{parse_flops_per_s, "15.7TFLOP/s", 1e6, 1e21, true};
const Quantity kMemory{[](std::string_view text) { return static_cast<double>(parse_bytes(text)); }, "16GiB", 1, 1e18, true};
constexpr int kMostRanks = 1 << 20;
constexpr const char* kLinkExample = "{bandwidth: 100Gbit/s, latency: 3us}";
constexpr const char* kDeviceExample = "{name: V100, peak: {fp32: 15.7TFLOP/s}, memory_bandwidth: 900GB/s, memory: 16GiB}";

Device parse_device(const YamlMap& map, const std::string& file_name) {
  Device device;
  device.name = map.text("name", "V100");
  const YamlMap peak = map.map("peak", precision_names(), "{fp32: 15.7TFLOP/s}");
  for (const std::string& precision : peak.present_keys()) device.peak_flops_per_s[precision] = peak.quantity(precision, kPeak);
  if (device.peak_flops_per_s.empty()) map.fail("peak", "the device has no peak; write for example peak: {fp32: 15.7TFLOP/s}");
  device.memory_bandwidth_bytes_per_s = map.quantity("memory_bandwidth", kBandwidth);
  if (map.has("memory")) device.memory_bytes = static_cast<std::int64_t>(map.quantity("memory", kMemory));
  if (map.has("launch_overhead")) device.launch_overhead_s = map.quantity("launch_overhead", kLatency);
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

LinkModel parse_link(const YamlMap& node, const std::string& key) {
  const YamlMap map = node.map(key, {"bandwidth", "latency"}, kLinkExample);
  return {.latency_s = map.quantity("latency", kLatency), .bandwidth_bytes_per_s = map.quantity("bandwidth", kBandwidth)};
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

void parse_node(const YamlMap& node, Cluster& cluster, const std::string& file_name) {
  cluster.devices_per_node = node.count("devices");
  if (std::int64_t{cluster.nodes} * cluster.devices_per_node > kMostRanks)
    node.fail("devices", cat(cluster.nodes, cluster.nodes == 1 ? " node of " : " nodes of ", cluster.devices_per_node,
                             " devices are more than ", kMostRanks, " devices, the most there can be"));
  cluster.device = device_of(node, file_name);
  if (cluster.devices_per_node > 1 || node.has("link")) cluster.node_link = parse_link(node, "link");
  if (node.has("nics")) cluster.nics_per_node = node.count("nics");
  if (cluster.nodes > 1 || node.has("nic")) cluster.nic = parse_link(node, "nic");
  parse_cores(node, cluster);
}

// Writing. A quantity is written in the unit that gives the shortest text which reads back as the same bits.

struct Unit {
  const char* name;
  double factor;
};
constexpr std::array kBandwidthUnits = {Unit{"Gbit/s", Gbit}, Unit{"GB/s", GB}, Unit{"MB/s", MB}, Unit{"B/s", 1}};
constexpr std::array kTimeUnits = {Unit{"s", 1}, Unit{"ms", ms}, Unit{"us", us}, Unit{"ns", ns}};
constexpr std::array kFlopsUnits = {Unit{"TFLOP/s", 1e12}, Unit{"GFLOP/s", 1e9}, Unit{"MFLOP/s", 1e6}, Unit{"PFLOP/s", 1e15},
                                    Unit{"FLOP/s", 1}};
constexpr std::array kByteUnits = {Unit{"GiB", GiB}, Unit{"GB", GB}, Unit{"B", 1}};

std::string shortest(double value) {
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

std::string write_quantity(double value, std::span<const Unit> units, const Quantity& quantity) {
  std::string best;
  for (const Unit& unit : units) {
    const double scaled = value / unit.factor;
    // Division and multiplication round: the number to write can be a neighbour of the quotient.
    for (const double candidate : {scaled, std::nextafter(scaled, 0.0), std::nextafter(scaled, HUGE_VAL)}) {
      const std::string text = shortest(candidate) + unit.name;
      if (candidate * unit.factor == value && quantity.parse(text) == value && (best.empty() || text.size() < best.size()))
        best = text;
    }
  }
  require(!best.empty(), "to_yaml", "no unit writes ", value, " exactly");
  return best;
}

void write_link(YAML::Emitter& out, const char* key, const LinkModel& link) {
  if (!(link.bandwidth_bytes_per_s > 0)) return;
  out << YAML::Key << key << YAML::Value << YAML::Flow << YAML::BeginMap;
  out << YAML::Key << "bandwidth" << YAML::Value << write_quantity(link.bandwidth_bytes_per_s, kBandwidthUnits, kBandwidth);
  out << YAML::Key << "latency" << YAML::Value << write_quantity(link.latency_s, kTimeUnits, kLatency) << YAML::EndMap;
}

void write_text(YAML::Emitter& out, const char* key, const std::string& text) {
  if (!text.empty()) out << YAML::Key << key << YAML::Value << YAML::DoubleQuoted << text;
}

void write_device(YAML::Emitter& out, const Device& device) {
  out << YAML::Key << "device" << YAML::Value << YAML::BeginMap;
  write_text(out, "name", device.name);
  out << YAML::Key << "peak" << YAML::Value << YAML::Flow << YAML::BeginMap;
  for (const auto& [precision, peak] : device.peak_flops_per_s)
    out << YAML::Key << precision << YAML::Value << write_quantity(peak, kFlopsUnits, kPeak);
  out << YAML::EndMap;
  out << YAML::Key << "memory_bandwidth" << YAML::Value
      << write_quantity(device.memory_bandwidth_bytes_per_s, kBandwidthUnits, kBandwidth);
  if (device.memory_bytes > 0)
    out << YAML::Key << "memory" << YAML::Value << write_quantity(static_cast<double>(device.memory_bytes), kByteUnits, kMemory);
  out << YAML::Key << "launch_overhead" << YAML::Value << write_quantity(device.launch_overhead_s, kTimeUnits, kLatency);
  write_text(out, "source", device.source);
  out << YAML::EndMap;
}

void write_node(YAML::Emitter& out, const Cluster& cluster) {
  out << YAML::Key << "node" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "devices" << YAML::Value << cluster.devices_per_node;
  write_device(out, cluster.device);
  write_link(out, "link", cluster.node_link);
  out << YAML::Key << "nics" << YAML::Value << cluster.nics_per_node;
  write_link(out, "nic", cluster.nic);
  if (cluster.cores_per_node > 0) {
    out << YAML::Key << "cores" << YAML::Value << cluster.cores_per_node;
    out << YAML::Key << "cores_per_rank" << YAML::Value << cluster.cores_per_rank;
    out << YAML::Key << "communication_cores" << YAML::Value << shortest(cluster.communication_cores);
  }
  out << YAML::EndMap;
}

}  // namespace

Cluster parse_cluster(const std::string& yaml, const std::string& file_name) {
  const YamlMap root = parse_yaml_map(yaml, file_name, {"name", "description", "nodes", "topology", "node"});
  Cluster cluster;
  cluster.name = root.text("name", "my-cluster");
  if (root.has("description")) cluster.description = root.text("description", "8 V100 per node");
  cluster.nodes = root.count("nodes");
  if (root.has("topology") && root.text("topology", "switch") != "switch") {
    try {
      throw_unknown_word("topology", root.text("topology", "switch"), {"switch"});
    } catch (const InputError& error) {
      root.fail("topology", error.what());
    }
  }
  const std::vector<std::string> keys = {"devices", "device", "link",           "nics",
                                         "nic",     "cores",  "cores_per_rank", "communication_cores"};
  parse_node(root.map("node", keys, "{devices: 8, device: V100-SXM2-16GB, link: {bandwidth: 150GB/s, latency: 2us}}"), cluster,
             file_name);
  return cluster;
}

std::string to_yaml(const Cluster& cluster) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  write_text(out, "name", cluster.name);
  write_text(out, "description", cluster.description);
  out << YAML::Key << "nodes" << YAML::Value << cluster.nodes;
  out << YAML::Key << "topology" << YAML::Value << cluster.topology;
  write_node(out, cluster);
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace convoy
