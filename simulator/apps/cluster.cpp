#include "simulator/platform/cluster.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "simulator/apps/machine_options.h"
#include "simulator/apps/output.h"
#include "simulator/apps/start.h"
#include "simulator/apps/verbs.h"
#include "simulator/platform/bandwidth.h"
#include "simulator/platform/drawing.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

struct ClusterOptions {
  std::string show;
  std::string dot_file;
  std::string svg_file;
  Output output;
};

std::string memory_text(std::int64_t bytes) { return bytes > 0 ? format_bytes(static_cast<double>(bytes)) : "unknown"; }

std::string link_text(const LinkModel& link) {
  return format_bandwidth(link.bandwidth_bytes_per_s) + ", " + format_time(link.latency_s);
}

nlohmann::ordered_json link_json(const LinkModel& link) {
  return {{"latency_s", link.latency_s}, {"bandwidth_bytes_per_s", link.bandwidth_bytes_per_s}};
}

nlohmann::ordered_json node_json(const Cluster& cluster) {
  return {{"nodes", cluster.nodes},
          {"devices_per_node", cluster.devices_per_node},
          {"device",
           {{"name", cluster.device.name},
            {"peak_flops_per_s", cluster.device.peak_flops_per_s},
            {"memory_bandwidth_bytes_per_s", cluster.device.memory_bandwidth_bytes_per_s},
            {"memory_bytes", cluster.device.memory_bytes},
            {"launch_overhead_s", cluster.device.launch_overhead_s},
            {"source", cluster.device.source}}},
          {"wiring", cluster.wiring},
          {"node_link", link_json(cluster.node_link)},
          {"host", link_json(cluster.host)},
          {"nics_per_node", cluster.nics_per_node},
          {"nic", link_json(cluster.nic)}};
}

nlohmann::ordered_json cluster_json(const Cluster& cluster) {
  nlohmann::ordered_json json = {{"name", cluster.name}, {"description", cluster.description}};
  json.update(node_json(cluster));
  json.update({{"topology", cluster.topology.kind},
               {"cores_per_node", cluster.cores_per_node},
               {"cores_per_rank", cluster.cores_per_rank},
               {"communication_cores", cluster.communication_cores}});
  for (const Cluster& nodes : cluster.others) json["other_nodes"].push_back(node_json(nodes));
  const Network network(cluster);
  json["ranks"] = network.ranks();
  json["links"] = network.links();
  json["bisection_bytes_per_s"] = network.ranks() > 1 ? bisection_bytes_per_s(network) : 0;
  return json;
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
               {"topology", Align::left},
               {"nics\na node"},
               {"nic"}});
  for (const std::string& name : cluster_names()) {
    const Cluster cluster = load_cluster(name);
    const bool alone = cluster.total_nodes() == 1;
    const bool nics = !alone && cluster.nic.bandwidth_bytes_per_s > 0;
    table.add_row({name, cat(cluster.total_nodes()), cat(cluster.devices_per_node), cluster.device.name,
                   memory_text(cluster.device.memory_bytes), cluster.devices_per_node > 1 ? link_text(cluster.link(0, 1)) : "",
                   alone ? "" : cluster.topology.kind, nics ? cat(cluster.nics_per_node) : "",
                   nics ? link_text(cluster.nic) : ""});
  }
  return table.to_string();
}

void add_node_rows(Table& table, const Cluster& cluster) {
  table.add_row({"device", cluster.device.name});
  for (const auto& [precision, peak] : cluster.device.peak_flops_per_s)
    table.add_row({"  peak " + precision, format_flops(peak) + "/s"});
  table.add_row({"  memory bandwidth", format_bandwidth(cluster.device.memory_bandwidth_bytes_per_s)});
  table.add_row({"  memory", memory_text(cluster.device.memory_bytes)});
  table.add_row({"  launch overhead", format_time(cluster.device.launch_overhead_s)});
  table.add_row({"  source", cluster.device.source});
  if (cluster.node_link.bandwidth_bytes_per_s > 0)
    table.add_row({"in a node", link_text(cluster.node_link) + (cluster.wiring == "switch" ? "" : ", wiring " + cluster.wiring)});
  if (const Pcie& pcie = cluster.pcie; pcie.present())
    table.add_row({"PCIe", fmt::format("{}, {} sockets, {} switches", link_text(pcie.link), pcie.sockets,
                                       pcie.sockets * pcie.switches_per_socket)});
  if (cluster.host.bandwidth_bytes_per_s > 0) table.add_row({"host memory", link_text(cluster.host)});
  if (cluster.nic.bandwidth_bytes_per_s > 0)
    table.add_row({"NICs", fmt::format("{} x {}", cluster.nics_per_node, link_text(cluster.nic))});
}

std::string cluster_table(const Cluster& cluster) {
  const Network network(cluster);
  const int nodes = network.nodes();
  Table table({{"", Align::left}, {"", Align::left}});
  table.add_row({"name", cluster.name});
  table.add_row({"description", cluster.description});
  table.add_row({"ranks", cluster.others.empty()
                              ? fmt::format("{} ({} node{} x {} devices)", network.ranks(), nodes, nodes == 1 ? "" : "s",
                                            cluster.devices_per_node)
                              : fmt::format("{} in {} nodes of {} kinds", network.ranks(), nodes, cluster.others.size() + 1)});
  add_node_rows(table, cluster);
  for (const Cluster& others : cluster.others) {
    table.add_row({"", fmt::format("{} nodes as above, {} more:", cluster.nodes, others.nodes)});
    add_node_rows(table, others);
  }
  if (nodes > 1) table.add_row({"topology", cluster.topology.kind + ": " + topology_kind(cluster.topology.kind).sentence});
  table.add_row({"links", cat(network.links(), ", each one way")});
  if (network.ranks() > 1) table.add_row({"bisection", format_bandwidth(bisection_bytes_per_s(network)) + " one way"});
  if (cluster.cores_per_node > 0) {
    table.add_row({"cores", fmt::format("{} a node, {} a rank, {} more while a rank receives", cluster.cores_per_node,
                                        cluster.cores_per_rank, cluster.communication_cores)});
  }
  return table.to_string();
}

constexpr int kMostColumns = 16;

/// Bandwidths between the devices of node 0, and from its first device to the last node.
std::string pair_table(const Cluster& cluster) {
  const Network network(cluster);
  const int devices = std::min(cluster.devices_per_node, kMostColumns);
  std::vector<Column> columns = {{"GB/s", Align::left}};
  for (int to = 0; to < devices; ++to) columns.push_back({cat(to)});
  Table table(columns);
  for (int from = 0; from < devices; ++from) {
    std::vector<std::string> row = {cat(from)};
    for (int to = 0; to < devices; ++to)
      row.push_back(from == to ? "" : fmt::format("{:.4g}", network.path(from, to).bandwidth_bytes_per_s / 1e9));
    table.add_row(row);
  }
  return "\nOne message alone, device to device in node 0:\n" + table.to_string();
}

/// What everything meets when the halves exchange, and the way from the first to the last rank, link by link.
std::string path_table(const Cluster& cluster) {
  const Network network(cluster);
  std::string text;
  constexpr int kMostRanks = 512;  // n^2/4 routes
  if (network.ranks() > 1 && network.ranks() <= kMostRanks) {
    const Throughput all = throughput(network, pairs_across_halves(network.ranks()));
    text += fmt::format("\nFirst half of the ranks to the second, all pairs at once: {}, held up by {} ({} of the messages).\n",
                        format_bandwidth(all.bytes_per_s), network.link_name(all.busiest_link), all.messages);
  }
  if (network.ranks() < 2) return text;
  std::vector<int> links;
  network.route(0, network.ranks() - 1, links);
  const LinkModel path = network.path(0, network.ranks() - 1);
  text += fmt::format("\nRank 0 to rank {}: {}, {} links", network.ranks() - 1, link_text(path), links.size());
  constexpr std::size_t kMostLinks = 12;
  for (std::size_t i = 0; i < std::min(links.size(), kMostLinks); ++i)
    text += (i == 0 ? ": " : ", ") + network.link_name(links[i]);
  return text + (links.size() > kMostLinks ? ", ...\n" : "\n");
}

nlohmann::ordered_json pairs_json(const Cluster& cluster) {
  const Network network(cluster);
  const int devices = std::min(cluster.devices_per_node, kMostColumns);
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (int from = 0; from < devices; ++from)
    for (int to = 0; to < devices; ++to)
      if (from != to) {
        nlohmann::ordered_json pair = {{"from", from}, {"to", to}};
        pair.update(link_json(network.path(from, to)));
        rows.push_back(pair);
      }
  return rows;
}

/// Writes what Graphviz makes of the drawing.
void draw_svg(const std::string& dot, const std::string& file) {
  if (find_program("dot").empty())
    throw InputError(
        "there is no program 'dot' here, which draws the picture; install Graphviz (apt-get install graphviz), or write "
        "the text with --dot");
  const std::string input = file + cat(".", ::getpid(), ".dot");
  write_file_atomically(input, dot);
  const Finished drawn = run_and_read("dot", {"-Tsvg", input});
  std::filesystem::remove(input);
  if (drawn.exit_code != 0) throw std::runtime_error(cat("dot ended with ", drawn.exit_code));
  write_file_atomically(file, drawn.output);
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
  options.output.text(cluster_table(cluster) + (cluster.devices_per_node > 1 ? pair_table(cluster) : "") + path_table(cluster));
  if (!options.dot_file.empty()) write_file_atomically(options.dot_file, draw_cluster(cluster));
  if (!options.svg_file.empty()) draw_svg(draw_cluster(cluster), options.svg_file);
  nlohmann::ordered_json json = cluster_json(cluster);
  json["pairs_in_a_node"] = pairs_json(cluster);
  for (const char* group : {"device", "node_link", "host", "nic", "communication_cores"})
    json["provenance"][group] = provenance_of(cluster);
  for (const char* group : {"bisection_bytes_per_s", "pairs_in_a_node"}) json["provenance"][group] = "formula";
  options.output.json(json);
}

}  // namespace

void add_cluster(Verb& app) {
  Verb* verb =
      add_verb(app, "cluster", "List the clusters that come with Convoy, show the numbers of one, or write it for SimGrid.",
               {"convoy cluster", "convoy cluster show my_cluster.yaml"});
  const auto options = std::make_shared<ClusterOptions>();
  options->output.add_to(*verb);
  Verb* show_verb = add_verb(*verb, "show", "Show the numbers of a cluster: devices, links, bandwidths; and draw it.",
                             {"convoy cluster show dgx-a100", "convoy cluster show dgx1-v100 --svg dgx1.svg"});
  show_verb->add_option("cluster", options->show, "File or name")->required()->type_name("FILE|NAME");
  add_result_file(*show_verb, "--svg", options->svg_file, "Draw nodes and links as an SVG picture, with Graphviz");
  add_result_file(*show_verb, "--dot", options->dot_file, "Write the drawing as text for Graphviz");
  options->output.add_to(*show_verb);
  verb->require_subcommand(0, 1);
  add_cluster_export(*verb);
  verb->callback([verb, options] {
    if (verb->got_subcommand("export")) return;  // which has done its work
    options->show.empty() ? list(*options) : show(*options);
  });
}

}  // namespace convoy
