// convoy collective, simulated on a cluster.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "reference/collectives/choose.h"
#include "reference/core/error.h"
#include "reference/io/model_file.h"
#include "reference/schedule/one_collective.h"
#include "simulator/apps/collective.h"
#include "simulator/apps/start.h"
#include "simulator/engine/simulate.h"

namespace convoy {
namespace {

Schedule collective_schedule(const CollectiveCase& what, std::int64_t count) {
  return schedule_of_collective({.kind = what.kind,
                                 .algorithm = what.algorithm,
                                 .axis = 0,
                                 .id = 0,
                                 .root = 0,
                                 .chunks = what.chunks,
                                 .region = {.buffer = 0, .slice = {0, count}},
                                 .channels = what.channels,
                                 .ranks_per_node = what.ranks_per_node},
                                what.ranks);
}

/// The idle link on which a message of this size takes longest: a formula knows one kind of link.
LinkModel slowest_link(const Cluster& cluster, int ranks, double message_bytes) {
  const Network network(cluster);
  LinkModel slowest = network.path(0, std::min(1, ranks - 1), message_bytes);
  if (ranks > cluster.devices_per_node) {
    const LinkModel between = network.path(0, cluster.devices_per_node, message_bytes);
    if (between.time_s(message_bytes) > slowest.time_s(message_bytes)) slowest = between;
  }
  return slowest;
}

CollectiveRow simulate_size(const CollectiveCase& what, std::int64_t bytes, const ChosenMachine& machine, const CostModel& cost,
                            std::string& fidelity) {
  const Cluster& cluster = machine.cluster;
  const Schedule schedule = collective_schedule(what, bytes / size_bytes(DType::f32));
  const Timeline timeline = simulate(schedule, 1, cluster, cost, {.fidelity = machine.fidelity});
  fidelity = timeline.fidelity;
  double start_s = timeline.intervals.at(0).start_s;
  double end_s = start_s;
  for (const Interval& interval : timeline.intervals) {
    start_s = std::min(start_s, interval.start_s);
    end_s = std::max(end_s, interval.end_s);
  }
  const LinkModel link = slowest_link(cluster, what.ranks, static_cast<double>(bytes) / what.ranks / what.chunks);
  return {.bytes = bytes, .time_s = end_s - start_s, .formula_time_s = formula_time_s(what, bytes, link), .wrong = {}};
}

/// Only what arrives costs anything here, and only a profile knows what.
CostModel receive_cost(const ChosenMachine& machine) {
  if (machine.layers)
    throw InputError(
        "times of layers say nothing about messages; give --profile a file that 'convoy profile' wrote, or leave it out");
  if (!machine.profile) return free_compute();
  return cost_of(machine, load_model(machine.profile->model).model, machine.profile->precision);
}

/// The case with what auto chooses for a size in it, and why.
std::pair<CollectiveCase, std::string> chosen(const CollectiveCase& what, std::int64_t bytes, const Cluster& cluster) {
  GroupTopology topology = topology_of(cluster, what.ranks);
  topology.ranks_per_node = what.ranks_per_node;
  const CollectiveChoice choice = choose_algorithm(what.kind, request_of(what, bytes), size_bytes(DType::f32), topology);
  CollectiveCase one = what;
  one.algorithm = choice.best.algorithm;
  one.channels = choice.best.channels;
  one.chunks = choice.best.chunks;
  return {one, choice.why};
}

/// A line about what auto does not know of a cluster; "" where that is nothing.
std::string unknown_to_auto(const Cluster& cluster) {
  const std::string& kind = cluster.topology.kind;
  if (kind != "ring" && kind != "torus") return "";
  return cat("note: auto takes this ", kind, " for a switch and does not see that messages share its wires, so that another algorithm\n",
             "may be faster; name some with --algorithm\n");
}

/// Simulates every size by the way that is chosen for it.
void simulate_chosen(const CollectiveOptions& options, const CollectiveCase& what, const std::vector<std::int64_t>& sizes,
                     const ChosenMachine& machine) {
  for (const auto& [option, typed] : {std::pair{"--channels", options.channels > 0}, {"--chunks", options.chunks > 1}})
    if (typed) throw InputError(cat("--algorithm auto chooses channels and chunks too, so ", option, " would change nothing"));
  std::vector<CollectiveRow> rows;
  std::string reasons;
  std::string fidelity;
  nlohmann::ordered_json choices = nlohmann::ordered_json::array();
  for (const std::int64_t bytes : sizes) {
    const auto [one, why] = chosen(what, bytes, machine.cluster);
    rows.push_back(simulate_size(one, bytes, machine, receive_cost(machine), fidelity));
    reasons += fmt::format("{:>12} B: {}\n", bytes, why);
    choices.push_back(
        {{"bytes", bytes}, {"algorithm", one.algorithm}, {"channels", one.channels}, {"chunks", one.chunks}, {"why", why}});
  }
  options.output.text(fmt::format("{} of {} ranks on {}, algorithms chosen by size and topology, simulated\n\n{}{}\n{}{}",
                                  to_string(what.kind), what.ranks, machine.cluster.name, collective_table(what, rows),
                                  collective_legend(what.kind, true), reasons, unknown_to_auto(machine.cluster)));
  nlohmann::ordered_json json = simulated_json(what, rows, machine.cluster, fidelity);
  json["choices"] = choices;
  options.output.json(json);
}

/// Of a cluster whose nodes are a ring, those that take part are made one of their own: on an open stretch of a longer ring, what
/// closes the collective's ring would go through all nodes that take no part, or back through all that do.
void close_ring(Cluster& cluster, int ranks) {
  const int nodes = (ranks + cluster.devices_per_node - 1) / cluster.devices_per_node;
  if (cluster.topology.kind != "ring" || !cluster.others.empty() || nodes < 2 || nodes == cluster.nodes) return;
  note(fmt::format("{} nodes of '{}' take part: simulating a ring of {}, not of {}", nodes, cluster.name, nodes, cluster.nodes));
  cluster.nodes = nodes;
}

}  // namespace

nlohmann::ordered_json simulated_json(const CollectiveCase& what, const std::vector<CollectiveRow>& rows, const Cluster& cluster,
                                      const std::string& fidelity) {
  nlohmann::ordered_json json = collective_json(what, rows);
  json["cluster"] = cluster.name;
  json["cluster_nodes"] = cluster.total_nodes();
  json["fidelity"] = fidelity;
  for (const char* value : {"time_s", "algbw_bytes_per_s", "busbw_bytes_per_s"}) json["provenance"][value] = "simulated";
  json["provenance"]["formula_time_s"] = "formula";  // wrong is null: no data moved
  return json;
}

void simulate_sizes(const CollectiveOptions& options, CollectiveCase what, const std::vector<std::int64_t>& sizes) {
  ChosenMachine machine = options.machine.machine();
  require_ranks(machine.cluster, what.ranks);
  close_ring(machine.cluster, what.ranks);
  if (!options.ranks_per_node) what.ranks_per_node = machine.cluster.devices_per_node;
  if (what.algorithm == kAutomatic) return simulate_chosen(options, what, sizes, machine);
  for (const std::int64_t bytes : sizes) require_possible(what, bytes);
  const CostModel cost = receive_cost(machine);
  std::vector<CollectiveRow> rows;
  std::string fidelity;  // depends on the kind, the algorithm and the ranks alone
  for (const std::int64_t bytes : sizes) rows.push_back(simulate_size(what, bytes, machine, cost, fidelity));
  options.output.text(fmt::format("{} {} of {} ranks on {}, {} chunk{}, {} channel{}, simulated\n{}\n\n{}{}", what.algorithm,
                                  to_string(what.kind), what.ranks, machine.cluster.name, what.chunks,
                                  what.chunks == 1 ? "" : "s", what.channels, what.channels == 1 ? "" : "s",
                                  describe_fidelity(fidelity), collective_table(what, rows),
                                  collective_legend(what.kind, rows.front().formula_time_s.has_value())));
  options.output.json(simulated_json(what, rows, machine.cluster, fidelity));
}

}  // namespace convoy
