#include "simulator/advise/space.h"

#include <algorithm>
#include <array>

#include "reference/collectives/collective.h"
#include "reference/core/error.h"
#include "reference/plans/pipeline.h"
#include "reference/plans/plan.h"

namespace convoy {
namespace {

/// hybrid with every plan inside that divides a network, on every number of ranks that divides all; and with a pipeline between, of
/// every length.
void add_hybrids(const ScheduleChoice& choice, std::vector<ScheduleChoice>& all) {
  ScheduleChoice one = choice;
  one.plan = "hybrid";
  for (const NamedPlan& inside : named_plans()) {
    const std::string_view name = inside.name;
    if (inside.rules == nullptr || name == "data" || name == "data_parallel_root" || name == "parameter_server") continue;
    one.inside = name;
    for (one.split = 2; one.split <= choice.ranks; ++one.split)
      for (one.pipeline.ranks = 1; one.split * one.pipeline.ranks <= choice.ranks; ++one.pipeline.ranks) {
        const bool in_three = one.pipeline.ranks > 1;
        const bool is_other_plan = one.split == choice.ranks;  // the plan inside, on all ranks
        if (choice.ranks % (one.split * one.pipeline.ranks) == 0 && !is_other_plan && !(in_three && name == "pipeline")) all.push_back(one);
      }
  }
}

/// Named plans that train by the same rule: not local_sgd, a step of which is faster and worth less. And not parameter_server, whose
/// servers are ranks that do not train.
std::vector<ScheduleChoice> plans(const ScheduleChoice& choice) {
  std::vector<ScheduleChoice> all;
  for (const NamedPlan& plan : named_plans()) {
    if (plan.name == "hybrid") add_hybrids(choice, all);
    if (plan.name == "hybrid" || plan.name == "parameter_server" || plan.name == "local_sgd") continue;
    all.push_back(choice);
    all.back().plan = plan.name;
  }
  return all;
}

/// Ranks in a row of its pipelines; 0: it has none.
int pipeline_ranks(const ScheduleChoice& choice) {
  if (choice.plan == "pipeline") return choice.ranks;
  if (choice.plan != "hybrid") return 0;
  return choice.inside == "pipeline" ? choice.split : choice.pipeline.ranks > 1 ? choice.pipeline.ranks : 0;
}

/// Images of a step that go through one of its pipelines.
int pipeline_images(const ScheduleChoice& choice) {
  if (choice.plan == "pipeline") return choice.global_batch;
  return choice.global_batch / std::max(1, choice.ranks / (choice.split * choice.pipeline.ranks));
}

std::vector<ScheduleChoice> zero_stages(const ScheduleChoice& choice) {
  if (choice.plan != "sharded_optimizer") return {choice};
  std::vector<ScheduleChoice> all(3, choice);
  for (int stage = 1; stage <= 3; ++stage) all[static_cast<std::size_t>(stage - 1)].zero = stage;
  return all;
}

/// Of pipelines: every order; the interleaved one with two stages a rank. Three-dimensional plans, of which there are many, have the
/// usual one.
std::vector<ScheduleChoice> orders(const ScheduleChoice& choice) {
  if (pipeline_ranks(choice) == 0 || choice.pipeline.ranks > 1) return {choice};
  std::vector<ScheduleChoice> all;
  for (const PipelineOrder& order : pipeline_orders()) {
    all.push_back(choice);
    all.back().pipeline.settings.order = order.name;
    if (order.name == "interleaved") all.back().pipeline.settings.stages_per_rank = 2;
  }
  return all;
}

/// Of pipelines: as many as ranks in a row, and 2, 4 and 8 times as many, as long as there is an image for each.
std::vector<ScheduleChoice> micro_batches(const ScheduleChoice& choice) {
  const int ranks = pipeline_ranks(choice);
  if (ranks == 0) return {choice};
  std::vector<ScheduleChoice> all;
  for (const int times : {1, 2, 4, 8}) {
    if (times > 1 && times * ranks > pipeline_images(choice)) continue;
    all.push_back(choice);
    all.back().pipeline.settings.micro_batches = times * ranks;
  }
  return all;
}

std::vector<ScheduleChoice> recomputation(const ScheduleChoice& choice) {
  if (pipeline_ranks(choice) == 0) return {choice};
  std::vector<ScheduleChoice> all = {choice, choice};
  all.back().pipeline.recompute_all = true;
  return all;
}

/// 1, 2, 4 and 8 parts, as long as every rank has an image in each. Pipelines have micro-batches instead.
std::vector<ScheduleChoice> parts(const ScheduleChoice& choice) {
  if (pipeline_ranks(choice) > 0) return {choice};
  std::vector<ScheduleChoice> all;
  for (const int parts : {1, 2, 4, 8}) {
    if (parts > 1 && parts > choice.global_batch / choice.ranks) continue;
    all.push_back(choice);
    all.back().accumulate = parts;
  }
  return all;
}

/// Of all-reduces: all for plan data, whose communication this is. `linear` is in the table for comparison: never faster than the
/// ring. For others the ring, and the choice by size and topology.
std::vector<ScheduleChoice> algorithms(const ScheduleChoice& choice) {
  if (choice.plan == "sharded_optimizer") return {choice};  // has none
  if (choice.plan != "data") {
    std::vector<ScheduleChoice> both = {choice, choice};
    both.back().all_reduce = "auto";
    return both;
  }
  std::vector<ScheduleChoice> all;
  for (const CollectiveAlgorithm& algorithm : collective_algorithms()) {
    if (algorithm.kind != CollectiveKind::all_reduce || algorithm.name == "linear") continue;
    all.push_back(choice);
    all.back().all_reduce = algorithm.name;
  }
  return all;
}

constexpr std::array kDimensions = {
    Dimension{"plan", "named plans; hybrid with every plan inside and every degree, with a pipeline between too", plans},
    Dimension{"zero", "ZeRO's stages of sharded_optimizer", zero_stages},
    Dimension{"accumulate", "1, 2, 4 and 8 parts of each rank's images", parts},
    Dimension{"order", "orders of pipelines", orders},
    Dimension{"micro-batches", "1, 2, 4 and 8 for each rank in a row", micro_batches},
    Dimension{"recompute", "no stage of a pipeline, or all", recomputation},
    Dimension{"all-reduce", "algorithms of the all-reduce", algorithms},
};

}  // namespace

std::span<const Dimension> dimensions() { return kDimensions; }

std::vector<Dimension> dimensions_named(const std::vector<std::string>& names) {
  if (names.empty()) return {kDimensions.begin(), kDimensions.end()};
  std::vector<Dimension> found;
  std::vector<std::string> known;
  for (const Dimension& dimension : kDimensions) known.emplace_back(dimension.name);
  for (const std::string& name : names) {
    const auto row = std::find_if(kDimensions.begin(), kDimensions.end(), [&](const Dimension& d) { return d.name == name; });
    if (row == kDimensions.end()) throw_unknown_word("dimension", name, known);
    found.push_back(*row);
  }
  return found;
}

std::vector<ScheduleChoice> candidates(const ScheduleChoice& fixed, std::span<const Dimension> dimensions) {
  std::vector<ScheduleChoice> all = {fixed};
  for (const Dimension& dimension : dimensions) {
    std::vector<ScheduleChoice> more;
    for (const ScheduleChoice& choice : all)
      for (ScheduleChoice& variant : dimension.variants(choice))
        if (std::find(more.begin(), more.end(), variant) == more.end()) more.push_back(std::move(variant));
    all = std::move(more);
  }
  return all;
}

std::string candidate_words(const ScheduleChoice& choice) {
  std::string words = cat("--plan ", choice.plan);
  if (choice.plan == "hybrid") words += cat(" --inside ", choice.inside, " --split ", choice.split);
  words += to_words(choice.pipeline);
  if (choice.zero != 0) words += cat(" --zero ", choice.zero);
  if (choice.accumulate != 1) words += cat(" --accumulate ", choice.accumulate);
  if (choice.all_reduce != ScheduleChoice{}.all_reduce) words += cat(" --all-reduce ", choice.all_reduce);
  return words;
}

}  // namespace convoy
