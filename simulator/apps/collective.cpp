#include "simulator/apps/collective.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "reference/collectives/choose.h"
#include "reference/collectives/collective.h"
#include "reference/core/error.h"
#include "simulator/apps/schedule_options.h"
#include "simulator/apps/verbs.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

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

/// Throws InputError when a library cannot do it either.
void require_equal_shards(const CollectiveCase& what, std::int64_t bytes) {
  const std::int64_t element_bytes = size_bytes(DType::f32);
  if (what.kind == CollectiveKind::all_to_all && bytes / element_bytes % what.ranks != 0)
    throw InputError(cat("an all_to_all sends as much to every rank, and the ", bytes / element_bytes, " elements of ", bytes,
                         " bytes cannot be shared out evenly among ", what.ranks, "; write --bytes ", what.ranks * element_bytes,
                         "B or a multiple of it"));
}

/// What --collectives asks for without --run.
bool wants_library(const CollectiveOptions& options) {
  if (options.run || options.collectives.empty()) return false;
  if (options.collectives == "library") return true;
  if (options.collectives == "schedule") return false;
  throw InputError(cat("--collectives is '", options.collectives, "'; without --run it is schedule or library"));
}

/// Options that change nothing in one of the ways.
void require_they_matter(const CollectiveOptions& options, bool by_library) {
  const Verb& verb = *options.verb;
  if (by_library)
    refuse_typed(verb, {"--profile", "--fidelity", "--nodes-of"},
                 "with --collectives library, which takes formulas and the nodes of the cluster; leave it out");
  if (options.run && options.collectives == "library")
    refuse_typed(verb, {"--algorithm", "--chunks", "--channels", "--nodes-of"},
                 "with --collectives library, which chooses by itself; leave it out");
  if (options.run) return;
  refuse_typed(verb, {"--cost"}, "here, since a collective has no compute ops; leave it out");
  if (!options.transport.empty()) throw InputError("--transport says how a collective is run for real, so it takes --run");
}

void run(const CollectiveOptions& options) {
  if (options.list) {
    if (!options.typed_besides_list().empty())
      throw InputError(
          cat(options.typed_besides_list(), " changes nothing with --list, which lists every algorithm; leave it out"));
    options.output.text(list_of_algorithms());
    return options.output.json(json_of_algorithms());
  }
  const bool by_library = wants_library(options);
  require_they_matter(options, by_library);
  if (by_library) {
    require_rank_count(options.ranks);
    const ChosenMachine machine = options.machine.machine();
    require_ranks(machine.cluster, options.ranks);
    const CollectiveCase what{.kind = parse_collective_kind(options.kind), .ranks = options.ranks};
    return library_sizes(options, what, parse_collective_sizes(options.bytes).all(), machine.cluster);
  }
  CollectiveCase what = case_of(options);
  const std::vector<std::int64_t> sizes = parse_collective_sizes(options.bytes).all();
  if (options.run && options.collectives == "library") {
    for (const std::int64_t bytes : sizes) require_equal_shards(what, bytes);
    return run_for_real(options, what);
  }
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
  simulate_sizes(options, what, sizes);
}

}  // namespace

void require_possible(const CollectiveCase& what, std::int64_t bytes) {
  const std::string reason = why_not(collective_algorithm(what.kind, what.algorithm), request_of(what, bytes));
  if (!reason.empty()) throw InputError(cat(what.algorithm, " ", to_string(what.kind), " is not possible here: ", reason));
}

void add_collective(Verb& app) {
  Verb* verb = add_verb(app, "collective", "Time one collective: simulated on a cluster, or with --run on this machine.",
                        {"convoy collective all_reduce --ranks 64 --bytes 100MB --cluster dgx-v100", "convoy collective --list",
                         "convoy collective all_reduce --ranks 2 --bytes 1KiB..64MiB:x2 --run"});
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
  verb->add_flag("--run", options->run, "Run it on this machine and check the result");
  verb->add_option("--transport", options->transport, "With --run: threads, or mpi for processes")->type_name("NAME");
  options->machine.add_to(*verb);
  verb->add_option(
          "--collectives", options->collectives,
          "schedule: the algorithm's rounds on the cluster's links; library: as NCCL, or without GPUs MPI, carries it out there. "
          "With --run --transport mpi: ours, or library for MPI's own")
      ->type_name("WHO");
  options->output.add_to(*verb);
  verb->callback([options] { run(*options); });
}

}  // namespace convoy
