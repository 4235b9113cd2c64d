/// Options that several verbs share: how they are spelt, what they mean, and what is refused.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "reference/io/report.h"

namespace convoy {

/// What the person typed about model, plan and ranks.
struct PlanOptions {
  std::string model = "lenet5";
  std::string plan = "data";
  int ranks = 2;
  std::optional<int> batch;           ///< over all ranks
  std::optional<int> batch_per_rank;  ///< instead of batch; kDefaultBatchPerRank when neither was given
  std::string overlap = "on";
  std::string bucket = kDefaultBucket;
  std::string all_reduce = "ring";
  int chunks = 1;
  int threads = 1;
  std::string bind = "on";
  std::int64_t seed = 1;
  std::string transport = "threads";
};

/// --model --plan --ranks --batch --batch-per-rank --overlap --bucket --all-reduce --chunks --threads --seed --transport.
void add_plan_options(CLI::App& verb, PlanOptions& options);

/// The choice that the options spell. Throws an InputError that names the option.
ScheduleChoice choice_of(const PlanOptions& options);

/// Throws an InputError unless so many ranks can be run as threads of one process: 1 to 256.
void require_rank_count(int ranks);
/// Throws an InputError unless the value is at least `least`.
void require_at_least(const std::string& option, std::int64_t value, std::int64_t least);
/// Throws an InputError unless the value is from `least` to `most`.
void require_between(const std::string& option, std::int64_t value, std::int64_t least, std::int64_t most);
/// Throws an InputError unless a rank can have so many threads: 1 to 1024.
void require_thread_count(int threads);

/// Images per second for people: "9453", "0.38".
std::string format_rate(double images_per_s);
/// Where tables go: stdout, or stderr when JSON takes stdout (--json -).
inline std::FILE* table_stream(const std::string& json_path) { return json_path == "-" ? stderr : stdout; }
/// Writes JSON to a file, or to stdout for "-"; nothing for "". Throws an OutputError when stdout takes it not.
void write_json(const std::string& path, const std::string& json);

}  // namespace convoy
