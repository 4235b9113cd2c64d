/// `hybrid`: groups of ranks divide the network among them by another plan, and the batch is divided among the groups. The ranks
/// of a group are consecutive, so inside one node; gradients are summed over the same place of all groups.
///
///   elements     what the inner plan sends for its share of the batch, and 2 W (g-1)/g for the W weights that a rank has, when
///                there are g groups
#include <algorithm>

#include "reference/core/error.h"
#include "reference/plans/plan.h"

namespace convoy {
namespace {

Plan make(const PlanRequest& request) {
  const int inner = request.split > 0 ? request.split : 2;
  if (request.ranks % inner != 0 || inner > request.ranks) {
    int below = std::min(inner, request.ranks);
    while (request.ranks % below != 0) --below;
    throw InputError(cat("plan 'hybrid': ", request.ranks, " ranks cannot be divided into groups of ", inner, "; use --split ",
                         below, " or --ranks ", (request.ranks / inner + 1) * inner));
  }
  const NamedPlan& inside = named_plan(request.inside);
  if (inside.rules == nullptr || inside.name == "data" || inside.name == "data_parallel_root" || inside.name == "parameter_server")
    throw InputError(
        cat("plan 'hybrid' cannot have '", inside.name, "' inside; use filter, channel, megatron, spatial or one_weird_trick"));
  PlanRequest one_group = request;
  one_group.ranks = inner;
  Plan plan = inside.make(one_group);
  plan.name = cat("hybrid_", inside.name);
  plan.mesh.axes.insert(plan.mesh.axes.begin(), {"data", request.ranks / inner});
  plan.strategies.insert(plan.strategies.begin(), "data");
  plan.batch_axis = 0;
  return plan;
}

}  // namespace

const NamedPlan hybrid_plan{"hybrid", "groups of ranks run another plan inside, the batch is divided among groups", make,
                            nullptr};

}  // namespace convoy
