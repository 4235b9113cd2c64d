// Which options change nothing, in which plan and in which mode. Whoever types one is told, and what it is for.

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "reference/collectives/choose.h"
#include "reference/io/ignored_option.h"
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

/// Whether an algorithm that sums over eight ranks does so in another way when it knows that every two of them share a node.
bool looks_at_nodes(const CollectiveAlgorithm& algorithm, int channels) {
  CollectiveRequest flat{.world_size = 8, .count = std::int64_t{1} << 20, .channels = channels};
  if (!why_not(algorithm, flat).empty()) return true;  // which is told elsewhere
  for (flat.channel = 0; flat.channel < channels; ++flat.channel)
    for (flat.rank = 0; flat.rank < flat.world_size; ++flat.rank) {
      CollectiveRequest in_nodes = flat;
      in_nodes.ranks_per_node = 2;
      const Rounds one = algorithm.rounds(flat), other = algorithm.rounds(in_nodes);
      if (one.count != other.count) return true;
      for (std::int64_t round = 0; round < one.count; ++round)
        if (one.at(round).send != other.at(round).send) return true;
    }
  return false;
}

/// "torus, auto, or ring with --channels 2": what --ranks-per-node is for.
std::string words_that_look_at_nodes() {
  std::string always, with_channels;
  for (const CollectiveAlgorithm& row : collective_algorithms()) {
    if (row.kind != CollectiveKind::all_reduce) continue;
    if (looks_at_nodes(row, row.usual_channels))
      always += cat(row.name, ", ");
    else if (looks_at_nodes(row, 2))
      with_channels += cat(", or ", row.name, " with --channels 2");
  }
  return cat(always, kAutomatic, with_channels);
}

/// Throws an InputError when nothing of what is chosen looks at nodes.
void require_nodes_matter(const ScheduleChoice& choice) {
  if (choice.zero > 0)
    throw IgnoredOption(
        "--ranks-per-node",
        cat("with --zero ", choice.zero, ", with which gradients are scattered, for which ranks form one ring; leave it out"));
  if (choice.all_reduce == kAutomatic) return;
  const CollectiveAlgorithm& algorithm = collective_algorithm(CollectiveKind::all_reduce, choice.all_reduce);
  if (!looks_at_nodes(algorithm, choice.channels > 0 ? choice.channels : algorithm.usual_channels))
    throw IgnoredOption("--ranks-per-node",
                        cat("with --all-reduce ", choice.all_reduce, ", which does not look at nodes; it is for --all-reduce ",
                            words_that_look_at_nodes()));
}

}  // namespace

bool PlanWords::has_pipeline() const {
  return plan_ == "pipeline" || (plan_ == "hybrid" && (inside_ == "pipeline" || pipeline_ranks_ > 1));
}

void PlanWords::require_they_matter(const ScheduleChoice& choice) const {
  for (const char* option : {"--servers", "--servers-on", "--server-mode", "--accept", "--bound"}) {
    if (!typed(option) || (choice.plan_yaml.empty() && plan_ == "parameter_server")) continue;
    throw IgnoredOption(option, choice.plan_yaml.empty() ? cat("in plan '", plan_, "'; it is for --plan parameter_server")
                                                         : cat("in ", plan_, "; change what it says about servers"));
  }
  for (const char* option : {"--local-steps", "--local-momentum"})
    if (typed(option) && choice.local.steps == 0)
      throw IgnoredOption(option, cat("in plan '", choice.plan, "'; it is for --plan local_sgd"));
  if (!choice.plan_yaml.empty()) {
    if (typed("--ranks-per-node")) require_nodes_matter(choice);
    return;
  }
  const bool hybrid = plan_ == "hybrid";
  const auto refuse = [&](const char* option, const char* plan) {
    if (typed(option)) throw IgnoredOption(option, cat("in plan '", plan_, "'; it is for --plan ", plan));
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
        throw IgnoredOption(option, cat("in plan '", plan_, "', in which ", row.reason, "; leave it out"));
  if (typed("--ranks-per-node")) require_nodes_matter(choice);
}

void PlanWords::require_they_matter_in_evaluation(const ScheduleChoice& choice) const {
  const auto refuse = [this](const char* option) {
    if (typed(option)) throw IgnoredOption(option, cat("with --mode evaluate, which only goes forward; leave it out"));
  };
  for (const char* option : kOfTraining) refuse(option);
  if (choice.zero < 3) refuse("--zero");
  if (!choice.servers.own_ranks) refuse("--servers");
  if (choice.pipeline.settings.stages_per_rank < 2) refuse("--order");
  if (!overlaps_forward(plan_of(choice))) refuse("--overlap");
}

void PlanWords::require_library_may_choose() const {
  if (verb_ != nullptr)
    refuse_typed(*verb_, {"--all-reduce", "--chunks", "--channels"},
                 "with --collectives library, which chooses by itself; leave it out");
}

}  // namespace convoy
