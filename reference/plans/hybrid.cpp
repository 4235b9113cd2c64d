/// `hybrid`: groups of ranks divide the network among them by another plan, and the batch is divided among the groups. The ranks
/// of a group are consecutive, so inside one node; gradients are summed over the same place of all groups. With a pipeline
/// between the two (three dimensions), each of its stages is divided among the ranks of a group.
///
///   elements     what the inner plan sends for its share of the batch, and 2 W (g-1)/g for the W weights that a rank has, when
///                there are g groups
#include <algorithm>

#include "reference/core/error.h"
#include "reference/plans/plan.h"

namespace convoy {
namespace {

/// Throws an InputError unless the ranks can be divided into groups of `inner`.
void check_groups(const PlanRequest& request, int inner, const std::string& words) {
  if (request.ranks % inner == 0 && inner <= request.ranks) return;
  int below = std::min(inner, request.ranks);
  while (request.ranks % below != 0) --below;
  const std::string smaller = request.pipeline > 1 ? "" : cat("--split ", below, " or ");
  throw InputError(cat("plan 'hybrid': ", request.ranks, " ranks cannot be divided into groups of ", words, "; use ", smaller,
                       "--ranks ", (request.ranks / inner + 1) * inner));
}

/// The axis of a pipeline in front of the inner one.
void put_pipeline(Plan& plan, const PlanRequest& request, int groups) {
  const std::string inside = plan.name;
  plan.name = cat("pipeline_", inside);
  plan.mesh.axes.insert(plan.mesh.axes.begin(), {"pipeline", request.pipeline});
  plan.strategies.insert(plan.strategies.begin(), "pipeline");
  plan.pipeline.micro_batches = default_micro_batches(request.pipeline, request.global_batch / groups);
}

Plan make(const PlanRequest& request) {
  const int inner = request.split > 0 ? request.split : 2;
  const NamedPlan& inside = named_plan(request.inside);
  const bool in_three = request.pipeline > 1;
  if (in_three && inside.name == "pipeline")
    throw InputError(
        "plan 'hybrid' has one pipeline: use --pipeline with another plan inside, or --inside pipeline with --split");
  const int group = in_three ? inner * request.pipeline : inner;
  check_groups(request, group, in_three ? cat(request.pipeline, " stages of ", inner) : cat(inner));
  if (inside.rules == nullptr || inside.name == "data" || inside.name == "data_parallel_root" ||
      inside.name == "parameter_server" || inside.name == "sharded_optimizer")
    throw InputError(cat("plan 'hybrid' cannot have '", inside.name,
                         "' inside; use filter, channel, megatron, spatial, one_weird_trick or pipeline"));
  const int groups = request.ranks / group;
  PlanRequest one_group = request;
  one_group.ranks = inner;
  if (inside.name == "pipeline") one_group.global_batch = request.global_batch / groups;
  Plan plan = inside.make(one_group);
  plan.global_batch = request.global_batch;
  if (in_three) put_pipeline(plan, request, groups);
  plan.name = cat("hybrid_", plan.name);
  plan.mesh.axes.insert(plan.mesh.axes.begin(), {"data", groups});
  plan.strategies.insert(plan.strategies.begin(), "data");
  plan.batch_axis = 0;
  return plan;
}

}  // namespace

const NamedPlan hybrid_plan{"hybrid", "groups of ranks run another plan inside, the batch is divided among groups", make,
                            nullptr};

}  // namespace convoy
