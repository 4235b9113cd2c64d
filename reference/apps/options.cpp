#include "reference/apps/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"

namespace convoy {
int default_threads() {
#ifndef _OPENMP
  return 1;  // whatever the variable says
#endif
  const char* text = std::getenv("OMP_NUM_THREADS");
  int threads = 1;
  if (text != nullptr) std::from_chars(text, text + std::strlen(text), threads);
  return std::max(1, threads);
}

void add_plan_options(Verb& verb, PlanOptions& options) {
  verb.begin_group(kStepHeading);
  verb.add_option("--model", options.model, model_help())->capture_default_str()->type_name("NAME");
  options.plan.add_to(verb);
  verb.begin_group(kRanksHeading);
  add_transport_options(verb, options.ranks);
  verb.begin_group(kStepHeading);
  Option* batch = verb.add_option("--batch", options.batch, "Images of one step, over all ranks");
  verb.add_option("--batch-per-rank", options.batch_per_rank, cat("Images of one step on each rank [", kDefaultBatchPerRank, "]"))
      ->excludes(batch);
  verb.begin_group(kGradientsHeading);
  verb.add_option("--overlap", options.overlap, "on: reduce gradients while backward goes on; off: after it")
      ->capture_default_str();
  verb.add_option("--bucket", options.bucket, "Gradients reduced together, for example 64KiB or 25MiB")->capture_default_str();
  verb.add_option("--all-reduce,--algorithm", options.all_reduce, all_reduce_help())->capture_default_str();
  verb.add_option("--chunks", options.chunks, "Parts in which a bucket goes through the algorithm")->capture_default_str();
  verb.begin_group(kRanksHeading);
  verb.add_option("--threads", options.threads, kThreadsHelp)->capture_default_str();
  verb.add_option("--bind", options.bind,
                  "on: each rank on cores of its own, while there are enough; off: wherever the system puts it")
      ->capture_default_str();
  verb.begin_group(kStepHeading);
  verb.add_option("--seed", options.seed, "Seed of weights, data order and dropout")->capture_default_str();
}

void add_transport_options(Verb& verb, TransportOptions& options) {
  verb.add_option("--ranks", options.ranks,
                  cat("Ranks that work together [", kDefaultRanks, "; with mpirun, as many as it starts]"));
  verb.add_option("--transport", options.transport,
                  "What ranks are and what carries messages: threads, processes with mpi, or simulated processes on a simulated "
                  "cluster with smpi, which takes --cluster, --profile and --cost as convoy simulate does")
      ->capture_default_str();
  verb.add_option("--collectives", options.collectives, "ours: as messages in rounds; library: MPI's own, with --transport mpi")
      ->capture_default_str();
}

void require_at_least(const std::string& option, std::int64_t value, std::int64_t least) {
  if (value < least) throw InputError(cat(option, " is ", value, "; write ", least, " or more"));
}

void require_between(const std::string& option, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least || value > most) throw InputError(cat(option, " is ", value, "; write ", least, " to ", most));
}

void require_thread_count(int threads) { require_between("--threads", threads, 1, 1024); }

int checked_ranks(const TransportOptions& options, const Session& session) {
  const int ranks = session.ranks(options);
  require_at_least("--ranks", ranks, 1);
  constexpr int most = 256;
  if (ranks > most && options.transport == "threads")
    throw InputError(cat("--ranks is ", ranks, "; one process runs at most ", most,
                         " ranks, each with threads of its own; to know what more would do, use convoy simulate"));
  return ranks;
}

namespace {

/// The kernels here are float.
void require_computable(const ScheduleChoice& choice) {
  if (choice.plan_yaml.empty()) return;
  const Plan plan = parse_plan(choice.plan_yaml, choice.plan);
  if (plan.dtype != DType::f32 || plan.precision != "fp32")
    throw InputError(cat("plan '", plan.name, "' has dtype ", to_string(plan.dtype), " and precision ", plan.precision,
                         "; what runs for real here is f32 in fp32, others can be simulated with 'convoy simulate'"));
}

}  // namespace

TransportOptions ranks_of(const PlanWords& plan, TransportOptions typed) {
  if (plan.from_file() && !typed.ranks) typed.ranks = plan.read().mesh.world_size();
  return typed;
}

ScheduleChoice choice_of(const PlanOptions& options, int ranks) {
  if (options.batch) require_at_least("--batch", *options.batch, 1);
  if (options.batch_per_rank) require_at_least("--batch-per-rank", *options.batch_per_rank, 1);
  require_at_least("--chunks", options.chunks, 1);
  require_thread_count(options.threads);
  require_at_least("--seed", options.seed, 0);
  ScheduleChoice choice{.model = options.model,
                        .ranks = ranks,
                        .overlap = parse_on_off("--overlap", options.overlap),
                        .bucket_bytes = parse_bytes(options.bucket),
                        .all_reduce = options.all_reduce,
                        .chunks = options.chunks,
                        .precision = "fp32"};
  require_at_least("--bucket", choice.bucket_bytes, 1);
  const ScheduleChoice typed = choice;
  options.plan.fill(choice);
  require_computable(choice);
  const bool from_file = options.plan.from_file();
  if (from_file && options.plan.typed("--overlap")) choice.overlap = typed.overlap;
  if (from_file && options.plan.typed("--bucket")) choice.bucket_bytes = typed.bucket_bytes;
  const std::int64_t per_rank = options.batch_per_rank.value_or(kDefaultBatchPerRank);
  const std::int64_t batch = options.batch                          ? *options.batch
                             : from_file && !options.batch_per_rank ? choice.global_batch
                                                                    : per_rank * working_ranks(choice);
  if (batch > INT32_MAX) throw InputError(cat("a global batch of ", batch, " images is too large; write at most ", INT32_MAX));
  choice.global_batch = static_cast<int>(batch);
  decide(choice, Fusion::on, ActivationLayout::blocked);
  return choice;
}

std::string format_rate(double images_per_s) {
  return images_per_s < 100 ? fmt::format("{:.2g}", images_per_s) : fmt::format("{:.0f}", images_per_s);
}

void write_json(const std::string& path, const std::string& json) {
  if (path == "-") {
    std::fputs(json.c_str(), stdout);
    require_output_written();
  } else if (!path.empty()) {
    write_file_atomically(path, json);
  }
}

}  // namespace convoy
