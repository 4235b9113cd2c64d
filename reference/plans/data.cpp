/// `data`: every rank has the whole network and a part of the batch; gradients are summed over all ranks.
#include "reference/plans/plan.h"

namespace convoy {

Plan data_plan(const PlanRequest& request) {
  Plan plan;
  plan.name = "data";
  plan.mesh = {{{"data", request.ranks}}};
  plan.global_batch = request.global_batch;
  return plan;
}

}  // namespace convoy
