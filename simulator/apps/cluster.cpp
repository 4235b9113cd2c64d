#include "simulator/platform/cluster.h"

#include <fmt/format.h>

#include <memory>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "simulator/apps/machine_options.h"
#include "simulator/apps/output.h"
#include "simulator/apps/verbs.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

struct ClusterOptions {
  std::string show;
  Output output;
};

std::string memory_text(std::int64_t bytes) { return bytes > 0 ? format_bytes(static_cast<double>(bytes)) : "unknown"; }

std::string link_text(const LinkModel& link) {
  return format_bandwidth(link.bandwidth_bytes_per_s) + ", " + format_time(link.latency_s);
}

nlohmann::ordered_json link_json(const LinkModel& link) {
  return {{"latency_s", link.latency_s}, {"bandwidth_bytes_per_s", link.bandwidth_bytes_per_s}};
}

nlohmann::ordered_json cluster_json(const Cluster& cluster) {
  return {{"name", cluster.name},
          {"description", cluster.description},
          {"nodes", cluster.nodes},
          {"devices_per_node", cluster.devices_per_node},
          {"device",
           {{"name", cluster.device.name},
            {"peak_flops_per_s", cluster.device.peak_flops_per_s},
            {"memory_bandwidth_bytes_per_s", cluster.device.memory_bandwidth_bytes_per_s},
            {"memory_bytes", cluster.device.memory_bytes},
            {"launch_overhead_s", cluster.device.launch_overhead_s},
            {"source", cluster.device.source}}},
          {"node_link", link_json(cluster.node_link)},
          {"nics_per_node", cluster.nics_per_node},
          {"nic", link_json(cluster.nic)},
          {"topology", cluster.topology.kind},
          {"cores_per_node", cluster.cores_per_node},
          {"cores_per_rank", cluster.cores_per_rank},
          {"communication_cores", cluster.communication_cores}};
}

/// What 'convoy profile' wrote says that it was measured; the numbers of data sheets are worked out like a formula's.
std::string provenance_of(const Cluster& cluster) {
  return cluster.device.source.starts_with("measured") ? "measured" : "formula";
}

std::string cluster_list() {
  Table table({{"cluster", Align::left},
               {"nodes"},
               {"devices\na node"},
               {"device", Align::left},
               {"memory"},
               {"in a node"},
               {"nics\na node"},
               {"nic"}});
  for (const std::string& name : cluster_names()) {
    const Cluster cluster = load_cluster(name);
    const bool alone = cluster.nodes == 1;
    table.add_row({name, cat(cluster.nodes), cat(cluster.devices_per_node), cluster.device.name,
                   memory_text(cluster.device.memory_bytes), cluster.devices_per_node > 1 ? link_text(cluster.node_link) : "",
                   alone ? "" : cat(cluster.nics_per_node), alone ? "" : link_text(cluster.nic)});
  }
  return table.to_string();
}

std::string cluster_table(const Cluster& cluster) {
  Table table({{"", Align::left}, {"", Align::left}});
  table.add_row({"name", cluster.name});
  table.add_row({"description", cluster.description});
  table.add_row({"ranks", fmt::format("{} ({} node{} x {} devices)", cluster.world_size(), cluster.nodes,
                                      cluster.nodes == 1 ? "" : "s", cluster.devices_per_node)});
  table.add_row({"device", cluster.device.name});
  for (const auto& [precision, peak] : cluster.device.peak_flops_per_s)
    table.add_row({"  peak " + precision, format_flops(peak) + "/s"});
  table.add_row({"  memory bandwidth", format_bandwidth(cluster.device.memory_bandwidth_bytes_per_s)});
  table.add_row({"  memory", memory_text(cluster.device.memory_bytes)});
  table.add_row({"  launch overhead", format_time(cluster.device.launch_overhead_s)});
  table.add_row({"  source", cluster.device.source});
  if (cluster.devices_per_node > 1) table.add_row({"in a node", link_text(cluster.node_link)});
  if (cluster.nodes > 1)
    table.add_row({"between nodes", fmt::format("{} x {}, {}", cluster.nics_per_node, link_text(cluster.nic), cluster.topology.kind)});
  if (cluster.cores_per_node > 0) {
    table.add_row({"cores", fmt::format("{} a node, {} a rank, {} more while a rank receives", cluster.cores_per_node,
                                        cluster.cores_per_rank, cluster.communication_cores)});
  }
  return table.to_string();
}

void list(const ClusterOptions& options) {
  options.output.text(cluster_list());
  nlohmann::ordered_json clusters = nlohmann::ordered_json::array();
  nlohmann::ordered_json provenance;
  for (const std::string& name : cluster_names()) {
    clusters.push_back(cluster_json(load_cluster(name)));
    provenance[name] = provenance_of(load_cluster(name));
  }
  options.output.json(nlohmann::ordered_json{{"clusters", clusters}, {"provenance", provenance}});
}

void show(const ClusterOptions& options) {
  const Cluster cluster = load_with_warnings(options.show);
  options.output.text(cluster_table(cluster));
  nlohmann::ordered_json json = cluster_json(cluster);
  for (const char* group : {"device", "node_link", "nic", "communication_cores"})
    json["provenance"][group] = provenance_of(cluster);
  options.output.json(json);
}

}  // namespace

void add_cluster(CLI::App& app) {
  CLI::App* verb = add_verb(app, "cluster", "List the clusters that come with Convoy, or show the numbers of one.",
                            {"convoy cluster", "convoy cluster show my_cluster.yaml"});
  const auto options = std::make_shared<ClusterOptions>();
  options->output.add_to(*verb);
  CLI::App* show_verb = add_verb(*verb, "show", "Show the numbers of a cluster.",
                                 {"convoy cluster show dgx-a100", "convoy cluster show my_cluster.yaml"});
  show_verb->add_option("cluster", options->show, "File or name")->required()->type_name("FILE|NAME");
  options->output.add_to(*show_verb);
  verb->require_subcommand(0, 1);
  verb->callback([options] { options->show.empty() ? list(*options) : show(*options); });
}

}  // namespace convoy
