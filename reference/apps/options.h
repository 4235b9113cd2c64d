/// Options that several verbs share: how they are spelt, what they mean, and what is refused.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "reference/apps/session.h"
#include "reference/io/cli.h"
#include "reference/io/plan_options.h"

namespace convoy {

/// The heading below which the help has what ranks are and run on.
inline constexpr const char* kRanksHeading = "Ranks on this machine";

/// OpenMP threads of a rank when --threads is not typed: what OMP_NUM_THREADS begins with ("4", or "4,2" for nested ones), which
/// OpenMP itself does not hand to threads that are not its own; 1 when it says nothing.
int default_threads();
inline constexpr const char* kThreadsHelp = "OpenMP threads of each rank; by itself as many as OMP_NUM_THREADS says, else 1";

/// What the person typed about model, plan and ranks.
struct PlanOptions {
  std::string model = "lenet5";
  PlanWords plan = {};
  TransportOptions ranks;
  std::optional<int> batch;           ///< over all ranks
  std::optional<int> batch_per_rank;  ///< instead of batch; kDefaultBatchPerRank when neither was given
  std::string overlap = "on";
  std::string bucket = kDefaultBucket;
  std::string all_reduce = "ring";
  int chunks = 1;
  int threads = default_threads();
  std::string bind = "on";
  std::int64_t seed = 1;
};

/// --model, those of PlanWords, --batch --batch-per-rank --overlap --bucket --all-reduce --chunks --threads --seed, and those of
/// add_transport_options().
void add_plan_options(Verb& verb, PlanOptions& options);

/// --ranks --transport --collectives.
void add_transport_options(Verb& verb, TransportOptions& options);

/// The choice that the options spell, for so many ranks. Throws an InputError that names the option.
ScheduleChoice choice_of(const PlanOptions& options, int ranks);
/// What was typed about ranks; when nothing was and the plan is read from a file, as many as its mesh has.
TransportOptions ranks_of(const PlanWords& plan, TransportOptions typed);
/// The number of ranks. Throws an InputError that names the option when there cannot be so many.
int checked_ranks(const TransportOptions& options, const Session& session);

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
