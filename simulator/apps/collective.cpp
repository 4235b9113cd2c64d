#include "reference/collectives/collective.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "reference/collectives/choose.h"
#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/io/model_file.h"
#include "reference/model/zoo.h"
#include "reference/schedule/validate.h"
#include "simulator/apps/machine_options.h"
#include "simulator/apps/output.h"
#include "simulator/apps/ranks.h"
#include "simulator/apps/schedule_options.h"
#include "simulator/apps/start.h"
#include "simulator/apps/verbs.h"
#include "simulator/cost/cluster_wiring.h"
#include "simulator/engine/simulate.h"
#include "simulator/report/collective_report.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

struct CollectiveOptions {
  std::string kind = "all_reduce";
  std::string algorithm;  ///< "": the first for the kind
  int ranks = 2;
  std::string bytes = "1MiB";
  int chunks = 1;
  int channels = 0;  ///< 0: as many as the algorithm usually has
  std::optional<int> ranks_per_node;
  bool list = false;
  bool run = false;
  std::string transport;  ///< "" and the next: not typed
  std::string collectives;
  MachineOptions machine;
  Output output;
  const Verb* verb = nullptr;
  /// The first option that says what to run; "" when there is none.
  [[nodiscard]] std::string typed_besides_list() const {
    for (const Option* option : verb->get_options())
      if (option->count() > 0 && option->get_name() != "--list" && option->get_name() != "--json") return option->get_name();
    return "";
  }
};

std::string first_algorithm(CollectiveKind kind) {
  for (const CollectiveAlgorithm& algorithm : collective_algorithms())
    if (algorithm.kind == kind) return std::string(algorithm.name);
  throw InputError(cat("there is no algorithm for ", to_string(kind)));
}

CollectiveCase case_of(const CollectiveOptions& options) {
  const CollectiveKind kind = parse_collective_kind(options.kind);
  const std::string name = options.algorithm.empty() ? first_algorithm(kind) : options.algorithm;
  const int usual_channels = name == kAutomatic ? 1 : collective_algorithm(kind, name).usual_channels;
  require_rank_count(options.ranks);
  if (options.chunks < 1) throw InputError(cat("--chunks is ", options.chunks, ", expected 1 or more"));
  if (options.channels < 0 || options.channels > kMostPlanChannels)
    throw InputError(cat("--channels is ", options.channels, ", expected 1 to ", kMostPlanChannels));
  if (options.ranks_per_node && *options.ranks_per_node < 1)
    throw InputError(cat("--nodes-of is ", *options.ranks_per_node, ", expected 1 or more"));
  return {.kind = kind,
          .algorithm = name,
          .ranks = options.ranks,
          .chunks = options.chunks,
          .channels = options.channels > 0 ? options.channels : usual_channels,
          .ranks_per_node = options.ranks_per_node.value_or(0)};
}

/// Throws InputError when the algorithm cannot do it for a buffer of this size.
void require_possible(const CollectiveCase& what, std::int64_t bytes) {
  const std::string reason = why_not(collective_algorithm(what.kind, what.algorithm), request_of(what, bytes));
  if (!reason.empty()) throw InputError(cat(what.algorithm, " ", to_string(what.kind), " is not possible here: ", reason));
}

/// Every algorithm with its sentence.
std::string list_of_algorithms() {
  Table table(
      {{"collective", Align::left}, {"algorithm", Align::left}, {"channels"}, {"closed form"}, {"how it works", Align::left}});
  for (const CollectiveAlgorithm& row : collective_algorithms())
    table.add_row({std::string(to_string(row.kind)), std::string(row.name), fmt::format("{}", row.usual_channels),
                   row.time_s == nullptr ? "none known" : "yes", std::string(row.sentence)});
  return table.to_string();
}

nlohmann::ordered_json json_of_algorithms() {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const CollectiveAlgorithm& row : collective_algorithms())
    list.push_back({{"collective", to_string(row.kind)},
                    {"algorithm", row.name},
                    {"usual_channels", row.usual_channels},
                    {"has_closed_form", row.time_s != nullptr},
                    {"sentence", row.sentence}});
  return {{"algorithms", list}, {"provenance", {{"algorithms", "built in"}}}};
}

/// Throws InputError when pieces of the smallest buffer would be empty: they are left out, and the closed forms count them.
void require_whole_pieces(const CollectiveCase& what, std::int64_t smallest_bytes) {
  const std::int64_t count = smallest_bytes / size_bytes(DType::f32);
  const bool has_formula = collective_algorithm(what.kind, what.algorithm).time_s != nullptr;
  const bool whole = what.kind == CollectiveKind::broadcast || what.kind == CollectiveKind::reduce || !has_formula;
  const std::int64_t shard = (whole ? count : count / what.ranks) / what.channels;
  const std::int64_t most = std::max<std::int64_t>(1, shard);
  if (what.chunks > most)
    throw InputError(cat("--chunks is ", what.chunks, ", but ", smallest_bytes, " bytes on ", what.ranks, " ranks make at most ",
                         most, most == 1 ? " part" : " parts", " of at least one element; give ", most,
                         " or fewer, or more --bytes"));
}

/// A schedule that does nothing but one collective, on a buffer that is there from the start.
Schedule collective_schedule(const CollectiveCase& what, std::int64_t count) {
  // A shape has ints, so a long buffer is spread over two of them.
  const std::int64_t rows = count <= INT32_MAX ? 1 : (count + INT32_MAX - 1) / INT32_MAX;
  const std::int64_t row = (count + rows - 1) / rows;
  Program program;
  program.buffers.push_back({.name = "data",
                             .kind = BufferKind::weights,
                             .dtype = DType::f32,
                             .shape = {1, static_cast<int>(row), static_cast<int>(rows), 1}});
  program.ops.push_back({.name = std::string(to_string(what.kind)),
                         .stream = kCommunicationStream,
                         .after = {},
                         .action = Collective{.kind = what.kind,
                                              .algorithm = what.algorithm,
                                              .axis = 0,
                                              .id = 0,
                                              .root = 0,
                                              .chunks = what.chunks,
                                              .region = {.buffer = 0, .slice = {0, count}},
                                              .channels = what.channels,
                                              .ranks_per_node = what.ranks_per_node}});
  Schedule schedule;
  schedule.model = "none";
  schedule.plan = "collective";
  schedule.mesh = {{{"rank", what.ranks}}};
  schedule.programs = {program};
  schedule.class_of.assign(static_cast<std::size_t>(what.ranks), 0);
  return schedule;
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
  if (!machine.profile) return free_compute();
  return cost_of(machine, load_model(machine.profile->model).model, machine.profile->precision);
}

std::vector<std::string> words_for_convoy_train(const CollectiveCase& what, const CollectiveSizes& sizes) {
  return {"collective",
          "--kind",
          std::string(to_string(what.kind)),
          "--algorithm",
          what.algorithm,
          "--ranks",
          cat(what.ranks),
          "--chunks",
          cat(what.chunks),
          "--channels",
          cat(what.channels),
          "--nodes-of",
          cat(what.ranks_per_node),
          "--from",
          cat(sizes.first_bytes),
          "--to",
          cat(sizes.last_bytes),
          "--factor",
          cat(sizes.factor)};
}

/// Runs it on threads or processes and checks every element. With --json the table of convoy-train is read back; else it appears
/// as it comes.
void run_for_real(const CollectiveOptions& options, const CollectiveCase& what) {
  if (const std::string typed = options.machine.typed(); !typed.empty())
    throw InputError(cat("--run measures this machine, so ", typed, " would change nothing; take one of the two away"));
  std::vector<std::string> words = words_for_convoy_train(what, parse_collective_sizes(options.bytes));
  if (!options.transport.empty()) words.insert(words.end(), {"--transport", options.transport});
  if (!options.collectives.empty()) words.insert(words.end(), {"--collectives", options.collectives});
  const Command command = command_for(words);
  if (options.output.json_file().empty()) become(command.program, command.arguments);
  const Finished finished = run_and_read(command.program, command.arguments);
  if (finished.exit_code == kExitInput) throw InputError("convoy-train collective refused its options, see above");
  options.output.text(finished.output);
  const std::vector<CollectiveRow> rows = parse_collective_table(finished.output);
  if (rows.empty())
    throw std::runtime_error(cat("convoy-train collective printed no table and ended with exit code ", finished.exit_code));
  nlohmann::ordered_json json = collective_json(what, rows);
  json["transport"] = options.transport.empty() ? "threads" : options.transport;
  json["collectives"] = options.collectives.empty() ? "ours" : options.collectives;
  for (const char* value : {"time_s", "algbw_bytes_per_s", "busbw_bytes_per_s", "wrong"}) json["provenance"][value] = "measured";
  options.output.json(json);
  if (finished.exit_code != 0) throw std::runtime_error(cat("convoy-train collective ended with exit code ", finished.exit_code));
}

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
  options.output.text(fmt::format("{} of {} ranks on {}, algorithms chosen by size and topology, simulated\n\n{}\n{}",
                                  to_string(what.kind), what.ranks, machine.cluster.name, collective_table(what, rows), reasons));
  nlohmann::ordered_json json = simulated_json(what, rows, machine.cluster, fidelity);
  json["choices"] = choices;
  options.output.json(json);
}

/// Every size as the cluster's library carries it out, by formula.
void library_sizes(const CollectiveOptions& options, CollectiveCase what, const std::vector<std::int64_t>& sizes,
                   const Cluster& cluster) {
  const Usage usage{.force = options.algorithm == "ring" || options.algorithm == "tree" ? options.algorithm : "",
                    .back_to_back = true};
  if (!options.algorithm.empty() && usage.force.empty() && options.algorithm != kAutomatic)
    throw InputError(
        cat("--collectives library chooses between rings and trees itself; --algorithm takes ring or tree here, not ",
            options.algorithm));
  for (const auto& [option, typed] : {std::pair{"--channels", options.channels > 0}, {"--chunks", options.chunks > 1}})
    if (typed)
      throw InputError(cat("--collectives library chooses channels and chunks itself, so ", option, " would change nothing"));
  std::vector<int> devices(static_cast<std::size_t>(what.ranks));
  std::iota(devices.begin(), devices.end(), 0);
  std::vector<CollectiveRow> rows;
  std::string choices;
  nlohmann::ordered_json chosen = nlohmann::ordered_json::array();
  for (const std::int64_t bytes : sizes) {
    const LibraryTime time = library_time_on(cluster, what.kind, static_cast<double>(bytes), devices, usage);
    rows.push_back({.bytes = bytes, .time_s = time.time_s, .formula_time_s = {}, .wrong = {}});
    choices += fmt::format("{:>12} B: {}\n", bytes, time.choice);
    chosen.push_back({{"bytes", bytes}, {"choice", time.choice}});
  }
  const char* library = library_of(cluster) == Library::nccl ? "NCCL" : "MPI";
  what.algorithm = library;
  options.output.text(fmt::format("{} of {} ranks on {} ({}), as {} carries it out, by formula\n\n{}\n{}", to_string(what.kind),
                                  what.ranks, cluster.name, describe(wiring_of(cluster)), library, collective_table(what, rows),
                                  choices));
  nlohmann::ordered_json json = simulated_json(what, rows, cluster, "library");
  for (const char* value : {"time_s", "algbw_bytes_per_s", "busbw_bytes_per_s"}) json["provenance"][value] = "formula";
  json["choices"] = chosen;
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

/// What --collectives asks for without --run.
bool wants_library(const CollectiveOptions& options) {
  if (options.run || options.collectives.empty()) return false;
  if (options.collectives == "library") return true;
  if (options.collectives == "schedule") return false;
  throw InputError(cat("--collectives is '", options.collectives, "'; without --run it is schedule or library"));
}

void run(const CollectiveOptions& options) {
  if (options.list) {
    if (!options.typed_besides_list().empty())
      throw InputError(cat(options.typed_besides_list(), " changes nothing with --list, which lists every algorithm; leave it out"));
    options.output.text(list_of_algorithms());
    return options.output.json(json_of_algorithms());
  }
  if (wants_library(options)) {
    require_rank_count(options.ranks);
    const ChosenMachine machine = options.machine.machine();
    require_ranks(machine.cluster, options.ranks);
    const CollectiveCase what{.kind = parse_collective_kind(options.kind), .ranks = options.ranks};
    return library_sizes(options, what, parse_collective_sizes(options.bytes).all(), machine.cluster);
  }
  CollectiveCase what = case_of(options);
  const std::vector<std::int64_t> sizes = parse_collective_sizes(options.bytes).all();
  const bool automatic = what.algorithm == kAutomatic;
  if (automatic && options.run)
    throw InputError(
        "auto chooses by the links of a cluster, which --run does not know; see what it chooses with --cluster and without "
        "--run, and name that");
  if (automatic) {
    CollectiveCase first = what;  // which can whatever any other can
    first.algorithm = first_algorithm(what.kind);
    for (const std::int64_t bytes : sizes) require_possible(first, bytes);
  } else {
    require_whole_pieces(what, sizes.front());
    for (const std::int64_t bytes : sizes) require_possible(what, bytes);
  }
  if (options.run) return run_for_real(options, what);
  if (!options.transport.empty()) throw InputError("--transport says how a collective is run for real, so it takes --run");
  ChosenMachine machine = options.machine.machine();
  require_ranks(machine.cluster, what.ranks);
  close_ring(machine.cluster, what.ranks);
  if (!options.ranks_per_node) what.ranks_per_node = machine.cluster.devices_per_node;
  if (automatic) return simulate_chosen(options, what, sizes, machine);
  for (const std::int64_t bytes : sizes) require_possible(what, bytes);
  const CostModel cost = receive_cost(machine);
  std::vector<CollectiveRow> rows;
  std::string fidelity;  // depends on the kind, the algorithm and the ranks alone
  for (const std::int64_t bytes : sizes) rows.push_back(simulate_size(what, bytes, machine, cost, fidelity));
  options.output.text(fmt::format("{} {} of {} ranks on {}, {} chunk{}, {} channel{}, simulated\n{}\n\n{}", what.algorithm,
                                  to_string(what.kind), what.ranks, machine.cluster.name, what.chunks,
                                  what.chunks == 1 ? "" : "s", what.channels, what.channels == 1 ? "" : "s",
                                  describe_fidelity(fidelity), collective_table(what, rows)));
  options.output.json(simulated_json(what, rows, machine.cluster, fidelity));
}

}  // namespace

void add_collective(Verb& app) {
  Verb* verb = add_verb(app, "collective", "Time one collective: simulated on a cluster, or with --run on this machine.",
                            {"convoy collective all_reduce --ranks 64 --bytes 100MB --cluster dgx-v100",
                             "convoy collective --list", "convoy collective all_reduce --ranks 2 --bytes 1KiB..64MiB:x2 --run"});
  const auto options = std::make_shared<CollectiveOptions>();
  options->verb = verb;
  verb->add_option("kind", options->kind, "all_reduce, reduce_scatter, all_gather, broadcast, reduce or all_to_all")
      ->capture_default_str()
      ->type_name("KIND");
  verb->add_option("--algorithm", options->algorithm, "How, see --list, or auto; without it the first for the kind")
      ->type_name("NAME");
  verb->add_option("--ranks", options->ranks, "Ranks of the group")->capture_default_str()->type_name("N");
  verb->add_option("--bytes", options->bytes, "Size of the buffer of a rank, or a range: MIN..MAX:xFACTOR")
      ->capture_default_str()
      ->type_name("BYTES");
  verb->add_option("--chunks", options->chunks, "Parts in which the buffer goes through the algorithm")
      ->capture_default_str()
      ->type_name("N");
  verb->add_option("--channels", options->channels, "Channels that run at the same time; without it as the algorithm likes")
      ->type_name("N");
  verb->add_option("--nodes-of", options->ranks_per_node, "Ranks that share a node; without it as the cluster has them")
      ->type_name("N");
  verb->add_flag("--list", options->list, "List the algorithms");
  options->machine.add_to(*verb);
  verb->add_flag("--run", options->run, "Run it on this machine and check the result");
  verb->add_option("--transport", options->transport, "With --run: threads, or mpi for processes")->type_name("NAME");
  verb->add_option(
          "--collectives", options->collectives,
          "schedule: the algorithm's rounds on the cluster's links; library: as NCCL, or without GPUs MPI, carries it out there. "
          "With --run --transport mpi: ours, or library for MPI's own")
      ->type_name("WHO");
  options->output.add_to(*verb);
  verb->callback([options] { run(*options); });
}

}  // namespace convoy
