#include "reference/apps/options.h"

#include <fmt/format.h>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "reference/model/zoo.h"

namespace convoy {

void add_plan_options(CLI::App& verb, PlanOptions& options) {
  verb.add_option("--model", options.model, "Network: lenet5, vgg16")->capture_default_str();
  verb.add_option("--plan", options.plan, "How a step is spread over ranks")->capture_default_str();
  verb.add_option("--ranks", options.ranks, "Ranks that train together")->capture_default_str();
  CLI::Option* batch = verb.add_option("--batch", options.batch, "Images of one step, over all ranks");
  verb.add_option("--batch-per-rank", options.batch_per_rank, cat("Images of one step on each rank [", kDefaultBatchPerRank, "]"))
      ->excludes(batch);
  verb.add_option("--overlap", options.overlap, "on: reduce gradients while backward goes on; off: after it")
      ->capture_default_str();
  verb.add_option("--bucket", options.bucket, "Gradients reduced together, for example 64KiB or 25MiB")->capture_default_str();
  verb.add_option("--all-reduce", options.all_reduce, "Algorithm that sums gradients")->capture_default_str();
  verb.add_option("--chunks", options.chunks, "Parts in which a bucket goes through the algorithm")->capture_default_str();
  verb.add_option("--threads", options.threads, "OpenMP threads of each rank")->capture_default_str();
  verb.add_option("--bind", options.bind,
                  "on: each rank on cores of its own, while there are enough; off: wherever the system puts it")
      ->capture_default_str();
  verb.add_option("--seed", options.seed, "Seed of weights, data order and dropout")->capture_default_str();
  verb.add_option("--transport", options.transport, "What carries messages: threads")->capture_default_str();
}

void require_at_least(const std::string& option, std::int64_t value, std::int64_t least) {
  if (value < least) throw InputError(cat(option, " is ", value, "; write ", least, " or more"));
}

void require_between(const std::string& option, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least || value > most) throw InputError(cat(option, " is ", value, "; write ", least, " to ", most));
}

void require_thread_count(int threads) { require_between("--threads", threads, 1, 1024); }

void require_rank_count(int ranks) {
  require_at_least("--ranks", ranks, 1);
  constexpr int most = 256;
  if (ranks > most)
    throw InputError(cat("--ranks is ", ranks, "; one process runs at most ", most,
                         " ranks, each with threads of its own; to know what more would do, use ", "convoy simulate"));
}

ScheduleChoice choice_of(const PlanOptions& options) {
  require_rank_count(options.ranks);
  if (options.batch) require_at_least("--batch", *options.batch, 1);
  if (options.batch_per_rank) require_at_least("--batch-per-rank", *options.batch_per_rank, 1);
  require_at_least("--chunks", options.chunks, 1);
  require_thread_count(options.threads);
  require_at_least("--seed", options.seed, 0);
  if (options.transport != "threads") throw_unknown_word("transport", options.transport, {"threads"});
  const std::int64_t bucket_bytes = parse_bytes(options.bucket);
  require_at_least("--bucket", bucket_bytes, 1);
  const std::int64_t per_rank = options.batch_per_rank.value_or(kDefaultBatchPerRank);
  const std::int64_t batch = options.batch ? *options.batch : per_rank * options.ranks;
  if (batch > INT32_MAX) throw InputError(cat("a global batch of ", batch, " images is too large; write at most ", INT32_MAX));
  return {.model = options.model,
          .plan = options.plan,
          .ranks = options.ranks,
          .global_batch = static_cast<int>(batch),
          .overlap = parse_on_off("--overlap", options.overlap),
          .bucket_bytes = bucket_bytes,
          .all_reduce = options.all_reduce,
          .chunks = options.chunks,
          .precision = "fp32"};
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
