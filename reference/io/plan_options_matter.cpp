// Which options change nothing, in which plan and in which mode. Whoever types one is told, and what it is for.

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "reference/io/plan_options.h"
#include "reference/plans/stages.h"

namespace convoy {

namespace {

/// Options that a named plan ignores.
struct IgnoredOptions {
  std::string_view plan;
  std::vector<const char*> options;
  const char* reason;
};

const std::vector<IgnoredOptions>& ignored_options() {
  static const std::vector<const char*> sums = {"--all-reduce", "--chunks",     "--channels",
                                                "--gradients",  "--statistics", "--ranks-per-node"};
  static const char* const no_sums =
      "every rank works on all images of a step, so that neither gradients nor statistics are summed over ranks";
  static const std::vector<IgnoredOptions> table = {
      {"pipeline", sums, no_sums},
      {"filter", sums, no_sums},
      {"channel", sums, no_sums},
      {"channel", {"--overlap"}, "nothing is left to compute while the terms of an output are summed"},
      {"megatron", sums, no_sums},
      {"spatial", {"--statistics"}, "ranks have rows of the same images, so that statistics are always those of all ranks"},
      {"parameter_server", {"--bucket", "--chunks", "--ranks-per-node"}, "gradients go to servers and not through an all-reduce"},
      {"data_parallel_root",
       {"--all-reduce", "--channels", "--ranks-per-node"},
       "gradients are reduced to a root, which is no all-reduce"},
      {"sharded_optimizer", {"--ranks-per-node"}, "gradients are scattered, for which ranks form one ring"},
  };
  return table;
}

/// Options that only training knows: about gradients and what becomes of them.
constexpr std::array kOfTraining = {"--optimiser",      "--gradients",  "--compress",    "--keep",
                                    "--bucket",         "--all-reduce", "--chunks",      "--channels",
                                    "--ranks-per-node", "--accumulate", "--recompute",   "--server-mode",
                                    "--accept",         "--bound",      "--local-steps", "--local-momentum"};

/// Whether messages of forward can go on beside compute ops: those between stages of a pipeline, and rows at the edge of a part.
bool overlaps_forward(const Plan& plan) {
  const auto has = [&](const char* name) { return std::ranges::find(plan.strategies, name) != plan.strategies.end(); };
  return has("spatial") || pipeline_axis(plan) >= 0 || !plan.overrides.empty();
}

}  // namespace

bool PlanWords::has_pipeline() const {
  return plan_ == "pipeline" || (plan_ == "hybrid" && (inside_ == "pipeline" || pipeline_ranks_ > 1));
}

void PlanWords::require_they_matter(const ScheduleChoice& choice) const {
  for (const char* option : {"--servers", "--servers-on", "--server-mode", "--accept", "--bound"}) {
    if (!typed(option) || (choice.plan_yaml.empty() && plan_ == "parameter_server")) continue;
    throw InputError(choice.plan_yaml.empty()
                         ? cat(option, " changes nothing in plan '", plan_, "'; it is for --plan parameter_server")
                         : cat(option, " changes nothing in ", plan_, "; change what it says about servers"));
  }
  for (const char* option : {"--local-steps", "--local-momentum"})
    if (typed(option) && choice.local.steps == 0)
      throw InputError(cat(option, " changes nothing in plan '", choice.plan, "'; it is for --plan local_sgd"));
  if (!choice.plan_yaml.empty()) return;
  const bool hybrid = plan_ == "hybrid";
  const auto refuse = [&](const char* option, const char* plan) {
    if (typed(option)) throw InputError(cat(option, " changes nothing in plan '", plan_, "'; it is for --plan ", plan));
  };
  (void)named_plan(plan_);  // a misspelt name first
  if (!hybrid) {
    refuse("--split", "hybrid");
    refuse("--inside", "hybrid");
    refuse("--pipeline", "hybrid");
  }
  for (const char* option : {"--micro-batches", "--order", "--stages", "--stages-per-rank", "--recompute"})
    if (!has_pipeline()) refuse(option, "pipeline, or --plan hybrid --pipeline 2");
  if (plan_ != "one_weird_trick" && !(hybrid && inside_ == "one_weird_trick")) refuse("--scheme", "one_weird_trick");
  for (const IgnoredOptions& row : ignored_options())
    for (const char* option : row.options)
      if (plan_ == row.plan && typed(option))
        throw InputError(cat(option, " changes nothing in plan '", plan_, "', in which ", row.reason, "; leave it out"));
}

void PlanWords::require_they_matter_in_evaluation(const ScheduleChoice& choice) const {
  const auto refuse = [this](const char* option) {
    if (typed(option))
      throw InputError(cat(option, " changes nothing with --mode evaluate, which only goes forward; leave it out"));
  };
  for (const char* option : kOfTraining) refuse(option);
  if (choice.zero < 3) refuse("--zero");
  if (!choice.servers.own_ranks) refuse("--servers");
  if (choice.pipeline.settings.stages_per_rank < 2) refuse("--order");
  if (!overlaps_forward(plan_of(choice))) refuse("--overlap");
}

void PlanWords::require_library_may_choose() const {
  for (const char* option : {"--all-reduce", "--chunks", "--channels"})
    if (typed(option))
      throw InputError(
          cat(option, " changes nothing with --collectives library, which chooses by itself; take one of the two away"));
}

}  // namespace convoy
