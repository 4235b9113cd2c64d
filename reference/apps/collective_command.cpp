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
  int ranks = 2;
  std::string from = "4KiB";
  std::string to = "4MiB";
  int factor = 4;
  int chunks = 1;
  int warmup = 5;
  int repetitions = 20;
  std::string transport = "threads";
};

/// The only algorithm of a kind when none was named, else ring.
std::string default_algorithm(CollectiveKind kind) {
  for (const CollectiveAlgorithm& row : collective_algorithms())
    if (row.kind == kind) return std::string(row.name);
  return "ring";
}

CollectiveRun checked(const CollectiveOptions& options) {
  require_rank_count(options.ranks);
  require_at_least("--chunks", options.chunks, 1);
  require_at_least("--warmup", options.warmup, 0);
  require_at_least("--repetitions", options.repetitions, 1);
  require_at_least("--factor", options.factor, 2);
  if (options.transport != "threads") throw_unknown_word("transport", options.transport, {"threads"});
  CollectiveRun run{.kind = parse_collective_kind(options.kind), .algorithm = options.algorithm, .ranks = options.ranks};
  if (run.algorithm.empty()) run.algorithm = default_algorithm(run.kind);
  collective_algorithm(run.kind, run.algorithm);
  run.chunks = options.chunks;
  run.warmup = options.warmup;
  run.repetitions = options.repetitions;
  return run;
}

void run_collective(const CollectiveOptions& options) {
  CollectiveRun run = checked(options);
  const std::int64_t from = parse_bytes(options.from), to = parse_bytes(options.to);
  constexpr std::int64_t kLargest_bytes = std::int64_t{4} << 30;
  if (from < 4 || to < from || to > kLargest_bytes)
    throw InputError(cat("sizes from ", from, " to ", to, " bytes; write --from 4 or more, --to no less and at most 4GiB"));
  const bool reduces = run.kind == CollectiveKind::all_reduce || run.kind == CollectiveKind::reduce_scatter;
  fmt::print("# {} {} on {} {}, {} chunks; median of {} after {} to warm up\n", run.algorithm, to_string(run.kind), run.ranks,
             options.transport, run.chunks, run.repetitions, run.warmup);
  fmt::print("{:>12} {:>12} {:>8} {:>6} {:>10} {:>12} {:>12} {:>7}\n", "size", "count", "type", "redop", "time(us)",
             "algbw(GB/s)", "busbw(GB/s)", "#wrong");
  std::int64_t wrong = 0;
  for (std::int64_t bytes = from; bytes <= to; bytes *= options.factor) {
    run.count = bytes / 4;
    const CollectiveMeasurement result = measure_collective(run);
    const double size = static_cast<double>(run.count) * 4;
    fmt::print("{:>12} {:>12} {:>8} {:>6} {:>10.2f} {:>12.3f} {:>12.3f} {:>7}\n", run.count * 4, run.count, "float",
               reduces ? "sum" : "none", result.time_s / us, size / result.time_s / GB,
               bus_bandwidth(run.kind, size, result.time_s, run.ranks) / GB, result.wrong);
    std::fflush(stdout);
    wrong += result.wrong;
  }
  if (wrong > 0) throw std::runtime_error(cat(wrong, " elements are wrong"));
}

}  // namespace

void add_collective_verb(CLI::App& app) {
  CLI::App* verb = add_verb(app, "collective",
                            "Runs collectives on ranks of this machine: time, bandwidth, and whether every element is right.",
                            {app.get_name() + " collective --ranks 4",
                             app.get_name() + " collective --kind all_gather --from 1KiB --to 64MiB --ranks 2"});
  const auto options = std::make_shared<CollectiveOptions>();
  verb->add_option("--kind", options->kind, "all_reduce, reduce_scatter, all_gather or broadcast")->capture_default_str();
  verb->add_option("--algorithm", options->algorithm, "Algorithm (default: the first of the kind)");
  verb->add_option("--ranks", options->ranks, "Ranks that take part")->capture_default_str();
  verb->add_option("--from", options->from, "Smallest buffer of a rank")->capture_default_str();
  verb->add_option("--to", options->to, "Largest buffer of a rank")->capture_default_str();
  verb->add_option("--factor", options->factor, "Each size is this many times the one before")->capture_default_str();
  verb->add_option("--chunks", options->chunks, "Parts in which the buffer goes through the algorithm")->capture_default_str();
  verb->add_option("--warmup", options->warmup, "Runs that are not counted")->capture_default_str();
  verb->add_option("--repetitions", options->repetitions, "Runs that are counted")->capture_default_str();
  verb->add_option("--transport", options->transport, "What carries messages: threads")->capture_default_str();
  verb->callback([options] { run_collective(*options); });
}

}  // namespace convoy
