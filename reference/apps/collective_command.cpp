#include <fmt/format.h>

#include <memory>

#include "reference/apps/commands.h"
#include "reference/apps/options.h"
#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/train/measure_collective.h"

namespace convoy {
namespace {

struct CollectiveOptions {
  std::string kind = "all_reduce";
  std::string algorithm;
  TransportOptions ranks;
  std::string from = "4KiB";
  std::string to = "4MiB";
  int factor = 4;
  int chunks = 1;
  int channels = 0;  ///< 0: as many as the algorithm usually has
  int ranks_per_node = 0;
  int warmup = 5;
  int repetitions = 20;
};

/// The only algorithm of a kind when none was named, else ring.
std::string default_algorithm(CollectiveKind kind) {
  for (const CollectiveAlgorithm& row : collective_algorithms())
    if (row.kind == kind) return std::string(row.name);
  return "ring";
}

CollectiveRun checked(const CollectiveOptions& options, int ranks) {
  require_at_least("--warmup", options.warmup, 0);
  require_at_least("--repetitions", options.repetitions, 1);
  require_at_least("--factor", options.factor, 2);
  CollectiveRun run{.kind = parse_collective_kind(options.kind), .algorithm = options.algorithm, .ranks = ranks};
  if (run.algorithm.empty()) run.algorithm = default_algorithm(run.kind);
  require_at_least("--chunks", options.chunks, 1);
  require_at_least("--channels", options.channels, 0);
  require_at_least("--nodes-of", options.ranks_per_node, 0);
  run.chunks = options.chunks;
  run.channels = options.channels > 0 ? options.channels : collective_algorithm(run.kind, run.algorithm).usual_channels;
  run.ranks_per_node = options.ranks_per_node;
  run.warmup = options.warmup;
  run.repetitions = options.repetitions;
  return run;
}

/// What is made of the options before anything runs.
struct Prepared {
  CollectiveRun run;
  std::int64_t from_bytes, to_bytes;
  Transport transport;
};

Prepared prepare(const CollectiveOptions& options, const Verb& verb, const Session& session) {
  if (options.ranks.collectives == "library")
    refuse_typed(verb, {"--algorithm", "--chunks", "--channels", "--nodes-of"},
                 "with --collectives library, which chooses by itself; leave it out");
  const CollectiveRun run = checked(options, checked_ranks(options.ranks, session));
  const std::int64_t from = parse_bytes(options.from), to = parse_bytes(options.to);
  constexpr std::int64_t kLargest_bytes = std::int64_t{4} << 30;
  if (from < 4 || to < from || to > kLargest_bytes)
    throw InputError(cat("sizes from ", from, " to ", to, " bytes; write --from 4 or more, --to no less and at most 4GiB"));
  return {run, from, to, session.transport(options.ranks)};
}

void print_header(const CollectiveRun& run, const Transport& transport) {
  fmt::print("# {} {} on {} {}{}, {} chunks, {} channels; median of {} after {} to warm up\n",
             transport.collectives == "library" ? "the library's" : run.algorithm, to_string(run.kind), run.ranks, transport.name,
             transport.name == "mpi" ? " processes" : "", run.chunks, run.channels, run.repetitions, run.warmup);
  fmt::print("{:>12} {:>12} {:>8} {:>6} {:>10} {:>12} {:>12} {:>7}\n", "size", "count", "type", "redop", "time(us)",
             "algbw(GB/s)", "busbw(GB/s)", "#wrong");
}

void print_row(const CollectiveRun& run, const CollectiveMeasurement& result) {
  const double size = static_cast<double>(run.count) * 4;
  fmt::print("{:>12} {:>12} {:>8} {:>6} {:>10.2f} {:>12.3f} {:>12.3f} {:>7}\n", run.count * 4, run.count, "float",
             is_reduction(run.kind) ? "sum" : "none", result.time_s / us, size / result.time_s / GB,
             bus_bandwidth(run.kind, size, result.time_s, run.ranks) / GB, result.wrong);
  std::fflush(stdout);
}

/// All processes find the same, so all of them throw. A library has no rules of an algorithm of ours, only those of the kind.
void require_possible(const CollectiveRun& run, bool by_library) {
  const CollectiveRequest request{.world_size = run.ranks,
                                  .count = run.count,
                                  .chunks = run.chunks,
                                  .channels = run.channels,
                                  .ranks_per_node = run.ranks_per_node};
  if (const std::string reason = why_not(collective_algorithm(run.kind, run.algorithm), request); !reason.empty())
    throw InputError(
        cat(by_library ? "the library's" : run.algorithm, " ", to_string(run.kind), " is not possible here: ", reason));
}

void run_collective(const CollectiveOptions& options, const Verb& verb, Session& session) {
  Prepared made = session.together([&] { return prepare(options, verb, session); });
  if (session.is_root()) print_header(made.run, made.transport);
  std::int64_t wrong = 0;
  for (std::int64_t bytes = made.from_bytes; bytes <= made.to_bytes; bytes *= options.factor) {
    made.run.count = bytes / 4;
    require_possible(made.run, made.transport.collectives == "library");
    const CollectiveMeasurement result = measure_collective(made.run, made.transport);
    if (session.is_root()) print_row(made.run, result);
    wrong += result.wrong;
  }
  session.together([&] {
    if (wrong > 0) throw std::runtime_error(cat(wrong, " elements are wrong"));
    return true;
  });
}

}  // namespace

void add_collective_verb(Verb& app, Session& session) {
  Verb* verb = add_verb(
      app, "collective",
      "Runs collectives on threads, or on processes that MPI started: time, bandwidth, and whether every element is right.",
      {app.get_name() + " collective --ranks 4",
       app.get_name() + " collective --kind all_gather --from 1KiB --to 64MiB --ranks 2"});
  const auto options = std::make_shared<CollectiveOptions>();
  verb->add_option("--kind", options->kind, "all_reduce, reduce_scatter, all_gather, broadcast, reduce or all_to_all")
      ->capture_default_str();
  verb->add_option("--algorithm", options->algorithm, "Algorithm (default: the first of the kind)");
  add_transport_options(*verb, options->ranks);
  verb->add_option("--from", options->from, "Smallest buffer of a rank")->capture_default_str();
  verb->add_option("--to", options->to, "Largest buffer of a rank")->capture_default_str();
  verb->add_option("--factor", options->factor, "Each size is this many times the one before")->capture_default_str();
  verb->add_option("--chunks", options->chunks, "Parts in which the buffer goes through the algorithm")->capture_default_str();
  verb->add_option("--channels", options->channels, "Channels that run at the same time (default: as the algorithm likes)");
  verb->add_option("--nodes-of", options->ranks_per_node, "Treat every N ranks as a node (default: all ranks are one)");
  verb->add_option("--warmup", options->warmup, "Runs that are not counted")->capture_default_str();
  verb->add_option("--repetitions", options->repetitions, "Runs that are counted")->capture_default_str();
  verb->callback([options, verb, &session] { run_collective(*options, *verb, session); });
}

}  // namespace convoy
