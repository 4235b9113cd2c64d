#include "simulator/apps/schedule_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/io/model_file.h"
#include "reference/plans/stages.h"

namespace convoy {
namespace {

constexpr int kMostRanks = 1 << 20;

int checked_batch(std::int64_t images) {
  if (images > std::numeric_limits<int>::max())
    throw InputError(
        cat("a global batch of ", images, " images is too large, at most ", std::numeric_limits<int>::max(), " can be counted"));
  return static_cast<int>(images);
}

void require_precision(const std::string& word) {
  const std::vector<std::string> known = {"fp32", "tf32", "fp16", "bf16", "fp64"};
  if (std::find(known.begin(), known.end(), word) == known.end()) throw_unknown_word("precision", word, known);
}

}  // namespace

void ScheduleOptions::add_to(Verb& verb) {
  verb.begin_group(kStepHeading);
  verb.add_option("--model", choice_.model, model_help())->capture_default_str()->type_name("NAME");
  plan_.add_to(verb);
  verb.begin_group(kStepHeading);
  verb.add_option("--ranks", choice_.ranks, "Ranks that train together")->capture_default_str()->type_name("N");
  batch_option_ = verb.add_option("--batch", batch_, "Images of a step over all ranks")->type_name("N");
  batch_per_rank_option_ =
      verb.add_option("--batch-per-rank", batch_per_rank_, cat("Images of a step on each rank [", kDefaultBatchPerRank, "]"))
          ->type_name("N");
  batch_option_->excludes(batch_per_rank_option_);
  verb.begin_group(kGradientsHeading);
  verb.add_option("--overlap", overlap_, "Reduce gradients while backward goes on: on or off")
      ->capture_default_str()
      ->type_name("WORD");
  verb.add_option("--bucket", bucket_, "Gradients are reduced in buckets of at least this size")
      ->capture_default_str()
      ->type_name("BYTES");
  verb.add_option("--all-reduce,--algorithm", choice_.all_reduce, all_reduce_help())->capture_default_str()->type_name("NAME");
  verb.add_option("--chunks", choice_.chunks, "Parts in which a bucket goes through the algorithm")
      ->capture_default_str()
      ->type_name("N");
  verb.begin_group(kStepHeading);
  verb.add_option("--precision", choice_.precision, "Arithmetic that is charged for: fp32, tf32, fp16, bf16 or fp64")
      ->capture_default_str()
      ->type_name("WORD");
  verb.add_option("--mode", mode_, "train (forward, backward, update) or evaluate (forward)")
      ->capture_default_str()
      ->type_name("WORD");
}

ScheduleChoice ScheduleOptions::choice() const {
  ScheduleChoice choice = choice_;
  require_rank_count(choice.ranks);
  plan_.fill(choice);
  const bool from_file = plan_.from_file();
  if (batch_option_->count() > 0) {
    if (batch_ < 1) throw InputError(cat("--batch is ", batch_, ", expected 1 or more images"));
    choice.global_batch = batch_;
  } else if (!from_file || batch_per_rank_option_->count() > 0) {
    const int per_rank = batch_per_rank_option_->count() > 0 ? batch_per_rank_ : kDefaultBatchPerRank;
    if (per_rank < 1) throw InputError(cat("--batch-per-rank is ", per_rank, ", expected 1 or more images"));
    choice.global_batch = checked_batch(std::int64_t{per_rank} * working_ranks(choice));
  }
  if (!from_file || plan_.typed("--overlap")) choice.overlap = parse_on_off("--overlap", overlap_);
  if (!from_file || plan_.typed("--bucket")) choice.bucket_bytes = parse_bytes(bucket_);
  require_precision(choice.precision);
  if (mode_ == "evaluate") plan_.require_they_matter_in_evaluation(choice);
  return choice;
}

Mode ScheduleOptions::mode() const {
  if (mode_ == "train") return Mode::train;
  if (mode_ == "evaluate") return Mode::evaluate;
  throw_unknown_word("mode", mode_, {"train", "evaluate"});
}

void require_rank_count(int ranks) {
  if (ranks < 1 || ranks > kMostRanks) throw InputError(cat("--ranks is ", ranks, ", expected 1 to ", kMostRanks));
}

Schedule schedule_for(const ScheduleChoice& choice, Mode mode, std::vector<AutomaticChoice>* choices) {
  const Plan plan = plan_of(choice);
  const Model model = load_model(choice.model).model;
  try {
    return make_schedule(model_for(model, plan), plan, mode, choices);
  } catch (const std::invalid_argument& error) {
    throw InputError(cat("plan '", choice.plan, "' cannot spread ", choice.model, " over ", choice.ranks, " ranks with ",
                         choice.global_batch, " images a step: ", error.what()));
  }
}

namespace {

/// ", order 1f1b, 8 micro-batches" of a plan with a pipeline.
std::string pipeline_text(const ScheduleChoice& choice) {
  const Plan plan = plan_of(choice);
  if (pipeline_axis(plan) < 0) return "";
  const Pipeline& pipeline = plan.pipeline;
  return cat(", order ", pipeline.order, pipeline.stages_per_rank > 1 ? cat(" with ", pipeline.stages_per_rank, " stages a rank") : "",
             ", ", pipeline.micro_batches, " micro-batches", pipeline.recompute.empty() ? "" : ", recomputed");
}

}  // namespace

std::string plan_words(const ScheduleChoice& choice) {
  const bool hybrid = choice.plan_yaml.empty() && choice.plan == "hybrid";
  if (choice.servers.count > 0)  // whose workers compute what those of data do, on as many ranks
    return cat("--plan data --ranks ", working_ranks(choice), " --batch ",
               choice.global_batch);
  std::string words = cat("--plan ", choice.plan_yaml.empty() ? choice.plan : "FILE.yaml");
  if (hybrid) words += cat(" --inside ", choice.inside);
  if (hybrid && choice.split > 0) words += cat(" --split ", choice.split);
  if (choice.scheme != ExchangeScheme::a) words += cat(" --scheme ", to_string(choice.scheme));
  if (choice.plan_yaml.empty()) words += to_words(choice.pipeline);
  if (choice.gradient_dtype) words += cat(" --gradients ", to_string(*choice.gradient_dtype));
  if (choice.compression.method != "none") words += cat(" --compress ", choice.compression.method);
  if (choice.compression.method == "top_k") words += cat(" --keep ", choice.compression.keep);
  if (choice.zero != 0) words += cat(" --zero ", choice.zero);
  if (choice.local.steps > 0 && choice.plan_yaml.empty()) words += cat(" --local-steps ", choice.local.steps);
  if (choice.local.momentum != LocalMomentum::average && choice.plan_yaml.empty())
    words += cat(" --local-momentum ", to_string(choice.local.momentum));
  if (choice.synchronised_statistics) words += " --statistics synchronised";
  if (choice.fusion == Fusion::off) words += " --fusion off";
  if (choice.layout == ActivationLayout::nchw) words += " --layout nchw";
  return cat(words, " --ranks ", choice.ranks, " --batch ", choice.global_batch);
}

std::string describe(const ScheduleChoice& choice) {
  const bool even = choice.global_batch % choice.ranks == 0;
  const bool named = choice.plan_yaml.empty();
  const bool by_images = named && (choice.plan == "data" || choice.plan == "data_parallel_root" || choice.plan == "local_sgd");
  std::string plan = named ? choice.plan : cat("'", choice.plan, "' of a file");
  if (named && plan == "hybrid")
    plan += cat(" with ", choice.inside, " on ", choice.split > 0 ? choice.split : 2, " ranks inside");
  if (choice.compression.method != "none") plan += cat(", gradients by ", choice.compression.method);
  if (choice.zero != 0) plan += cat(", ZeRO stage ", choice.zero);
  if (choice.local.steps > 0)
    plan += cat(", a mean of weights every ", choice.local.steps == 1 ? "step" : cat(choice.local.steps, " steps"));
  if (choice.servers.count > 0)
    plan += cat(", ", choice.servers.count, choice.servers.count == 1 ? " server on " : " servers on ",
                choice.servers.on_hosts    ? "hosts"
                : choice.servers.own_ranks ? "ranks of their own"
                                           : "workers' ranks",
                ", mode ", choice.servers.mode);
  if (choice.scheme != ExchangeScheme::a) plan += cat(", scheme ", to_string(choice.scheme));
  plan += pipeline_text(choice);
  return fmt::format("{}, plan {}, {} rank{}, {} images a step{}, {}{}, overlap {}, buckets of {}", choice.model, plan,
                     choice.ranks, choice.ranks == 1 ? "" : "s", choice.global_batch,
                     by_images ? cat(" (", even ? "" : "about ", choice.global_batch / choice.ranks, " a rank)") : "",
                     choice.precision, choice.gradient_dtype ? cat(", gradients in ", to_string(*choice.gradient_dtype)) : "",
                     choice.overlap ? "on" : "off", format_bytes(static_cast<double>(choice.bucket_bytes)));
}

}  // namespace convoy
