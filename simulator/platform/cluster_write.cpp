/// Writing of cluster files, in the form that cluster.h describes.
#include <yaml-cpp/yaml.h>

#include <array>
#include <charconv>
#include <cmath>
#include <span>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "simulator/platform/cluster.h"

namespace convoy {
namespace {

// A quantity is written in the unit that gives the shortest text which reads back as the same bits.

struct Unit {
  const char* name;
  double factor;
};
constexpr std::array kBandwidthUnits = {Unit{"Gbit/s", Gbit}, Unit{"GB/s", GB}, Unit{"MB/s", MB}, Unit{"B/s", 1}};
constexpr std::array kTimeUnits = {Unit{"s", 1}, Unit{"ms", ms}, Unit{"us", us}, Unit{"ns", ns}};
constexpr std::array kFlopsUnits = {Unit{"TFLOP/s", 1e12}, Unit{"GFLOP/s", 1e9}, Unit{"MFLOP/s", 1e6}, Unit{"PFLOP/s", 1e15},
                                    Unit{"FLOP/s", 1}};
constexpr std::array kMessageUnits = {Unit{"MiB", MiB}, Unit{"KiB", KiB}, Unit{"B", 1}};
constexpr std::array kByteUnits = {Unit{"GiB", GiB}, Unit{"GB", GB}, Unit{"B", 1}};

std::string shortest(double value) {
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

using Parse = double (*)(std::string_view);

double parse_bytes_as_number(std::string_view text) { return static_cast<double>(parse_bytes(text)); }

std::string write_quantity(double value, std::span<const Unit> units, Parse parse) {
  std::string best;
  for (const Unit& unit : units) {
    const double scaled = value / unit.factor;
    // Division and multiplication round: the number to write can be a neighbour of the quotient.
    for (const double candidate : {scaled, std::nextafter(scaled, 0.0), std::nextafter(scaled, HUGE_VAL)}) {
      const std::string text = shortest(candidate) + unit.name;
      if (candidate * unit.factor == value && parse(text) == value && (best.empty() || text.size() < best.size())) best = text;
    }
  }
  require(!best.empty(), "to_yaml", "no unit writes ", value, " exactly");
  return best;
}

/// bandwidth and latency, into a map that is open.
void write_link_values(YAML::Emitter& out, const LinkModel& link) {
  out << YAML::Key << "bandwidth" << YAML::Value
      << write_quantity(link.bandwidth_bytes_per_s, kBandwidthUnits, parse_bandwidth_bytes_per_s);
  out << YAML::Key << "latency" << YAML::Value << write_quantity(link.latency_s, kTimeUnits, parse_time_s);
}

void write_bytes(YAML::Emitter& out, const char* key, double bytes) {
  out << YAML::Key << key << YAML::Value << write_quantity(bytes, kMessageUnits, parse_bytes_as_number);
}

void write_link(YAML::Emitter& out, const char* key, const LinkModel& link, const Protocols& protocols = {}) {
  if (!(link.bandwidth_bytes_per_s > 0)) return;
  out << YAML::Key << key << YAML::Value << YAML::Flow << YAML::BeginMap;
  write_link_values(out, link);
  if (!protocols.ranges.empty()) {
    out << YAML::Key << "protocols" << YAML::Value << YAML::Flow << YAML::BeginSeq;
    for (const Protocol& protocol : protocols.ranges) {
      out << YAML::Flow << YAML::BeginMap;
      write_bytes(out, "up_to", protocol.up_to_bytes);
      write_link_values(out, protocol.link);
      out << YAML::EndMap;
    }
    out << YAML::EndSeq;
  }
  if (protocols.calibrated_to_bytes > 0) {
    out << YAML::Key << "calibrated" << YAML::Value << YAML::Flow << YAML::BeginMap;
    write_bytes(out, "from", protocols.calibrated_from_bytes);
    write_bytes(out, "to", protocols.calibrated_to_bytes);
    out << YAML::EndMap;
  }
  out << YAML::EndMap;
}

void write_text(YAML::Emitter& out, const char* key, const std::string& text) {
  if (!text.empty()) out << YAML::Key << key << YAML::Value << YAML::DoubleQuoted << text;
}

void write_device(YAML::Emitter& out, const Device& device) {
  out << YAML::Key << "device" << YAML::Value << YAML::BeginMap;
  write_text(out, "name", device.name);
  out << YAML::Key << "peak" << YAML::Value << YAML::Flow << YAML::BeginMap;
  for (const auto& [precision, peak] : device.peak_flops_per_s)
    out << YAML::Key << precision << YAML::Value << write_quantity(peak, kFlopsUnits, parse_flops_per_s);
  out << YAML::EndMap;
  out << YAML::Key << "memory_bandwidth" << YAML::Value
      << write_quantity(device.memory_bandwidth_bytes_per_s, kBandwidthUnits, parse_bandwidth_bytes_per_s);
  if (device.memory_bytes > 0)
    out << YAML::Key << "memory" << YAML::Value
        << write_quantity(static_cast<double>(device.memory_bytes), kByteUnits, parse_bytes_as_number);
  out << YAML::Key << "launch_overhead" << YAML::Value << write_quantity(device.launch_overhead_s, kTimeUnits, parse_time_s);
  write_text(out, "source", device.source);
  out << YAML::EndMap;
}

void write_pcie(YAML::Emitter& out, const Pcie& pcie) {
  if (!pcie.present()) return;
  out << YAML::Key << "pcie" << YAML::Value << YAML::BeginMap;
  write_link_values(out, pcie.link);
  out << YAML::Key << "sockets" << YAML::Value << pcie.sockets;
  if (pcie.switches_per_socket > 0) out << YAML::Key << "switches_per_socket" << YAML::Value << pcie.switches_per_socket;
  if (pcie.sockets > 1) write_link(out, "socket_link", pcie.socket_link);
  out << YAML::EndMap;
}

template <class T>
void write_list(YAML::Emitter& out, const char* key, const std::vector<T>& values) {
  out << YAML::Key << key << YAML::Value << YAML::Flow << YAML::BeginSeq;
  for (const T& value : values) {
    if constexpr (std::is_floating_point_v<T>)
      out << shortest(value);
    else
      out << value;
  }
  out << YAML::EndSeq;
}

/// The value of a topology. Names of keys: see the kinds.
void write_topology(YAML::Emitter& out, const Topology& topology) {
  out << YAML::BeginMap << YAML::Key << "kind" << YAML::Value << topology.kind;
  const std::vector<int>& extents = topology.extents;
  if (topology.kind == "fat_tree") write_list(out, "children", extents);
  if (topology.kind == "torus") write_list(out, "extents", extents);
  if (topology.kind == "joined") write_list(out, "sites", extents);
  if (topology.kind == "dragonfly") {
    out << YAML::Key << "nodes_per_router" << YAML::Value << extents.at(0);
    out << YAML::Key << "routers_per_group" << YAML::Value << extents.at(1);
    out << YAML::Key << "groups" << YAML::Value << extents.at(2);
  }
  if (!topology.over_subscription.empty()) write_list(out, "over_subscription", topology.over_subscription);
  write_link(out, "link", topology.link);
  write_link(out, "global_link", topology.global_link);
  if (topology.hop_latency_s > 0)
    out << YAML::Key << "hop_latency" << YAML::Value << write_quantity(topology.hop_latency_s, kTimeUnits, parse_time_s);
  if (!topology.inside.empty()) {
    out << YAML::Key << "inside" << YAML::Value << YAML::BeginSeq;
    for (const Topology& site : topology.inside) write_topology(out, site);
    out << YAML::EndSeq;
  }
  out << YAML::EndMap;
}

void write_node(YAML::Emitter& out, const Cluster& cluster) {
  out << YAML::Key << "node" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "devices" << YAML::Value << cluster.devices_per_node;
  write_device(out, cluster.device);
  if (cluster.wiring != "switch") out << YAML::Key << "wiring" << YAML::Value << cluster.wiring;
  write_link(out, "link", cluster.node_link, cluster.link_protocols);
  if (cluster.wiring == "all_pairs" || cluster.wiring == "pairs")
    out << YAML::Key << "links_per_pair" << YAML::Value << cluster.links_per_pair;
  write_pcie(out, cluster.pcie);
  out << YAML::Key << "nics" << YAML::Value << cluster.nics_per_node;
  write_link(out, "nic", cluster.nic, cluster.nic_protocols);
  write_link(out, "host", cluster.host);
  if (cluster.cores_per_node > 0) {
    out << YAML::Key << "cores" << YAML::Value << cluster.cores_per_node;
    out << YAML::Key << "cores_per_rank" << YAML::Value << cluster.cores_per_rank;
    out << YAML::Key << "communication_cores" << YAML::Value << shortest(cluster.communication_cores);
  }
  out << YAML::EndMap;
}

double parse_power(std::string_view text) { return parse_power_w(std::string(text)); }
double parse_transfer(std::string_view text) { return parse_joules_per_byte(std::string(text)); }

void write_rates(YAML::Emitter& out, const Rates& rates) {
  if (rates == Rates{}) return;
  constexpr std::array power_units = {Unit{"W", 1}, Unit{"kW", 1e3}};
  constexpr std::array transfer_units = {Unit{"pJ/B", 1e-12}, Unit{"nJ/B", 1e-9}};
  out << YAML::Key << "rates" << YAML::Value << YAML::BeginMap;
  if (rates.know_power()) {
    out << YAML::Key << "device" << YAML::Value << YAML::Flow << YAML::BeginMap;
    out << YAML::Key << "idle" << YAML::Value << write_quantity(rates.device_idle_w, power_units, parse_power);
    out << YAML::Key << "busy" << YAML::Value << write_quantity(rates.device_busy_w, power_units, parse_power) << YAML::EndMap;
    out << YAML::Key << "node" << YAML::Value << write_quantity(rates.node_w, power_units, parse_power);
    out << YAML::Key << "transfer" << YAML::Value << write_quantity(rates.joules_per_byte, transfer_units, parse_transfer);
  }
  if (rates.know_price())
    out << YAML::Key << "price" << YAML::Value << shortest(rates.price_per_device_hour) + rates.currency + "/h";
  write_text(out, "source", rates.source);
  out << YAML::EndMap;
}

void write_nodes(YAML::Emitter& out, const Cluster& cluster) {
  out << YAML::Key << "nodes" << YAML::Value << cluster.nodes;
  write_node(out, cluster);
}

}  // namespace

std::string to_yaml(const Cluster& cluster) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  write_text(out, "name", cluster.name);
  write_text(out, "description", cluster.description);
  if (cluster.sized_by_ranks) out << YAML::Key << "sized_by_ranks" << YAML::Value << true;
  out << YAML::Key << "topology" << YAML::Value;
  write_topology(out, cluster.topology);
  if (cluster.others.empty()) {
    write_nodes(out, cluster);
  } else {
    out << YAML::Key << "groups" << YAML::Value << YAML::BeginSeq << YAML::BeginMap;
    write_nodes(out, cluster);
    for (const Cluster& nodes : cluster.others) {
      out << YAML::EndMap << YAML::BeginMap;
      write_nodes(out, nodes);
    }
    out << YAML::EndMap << YAML::EndSeq;
  }
  write_rates(out, cluster.rates);
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace convoy
