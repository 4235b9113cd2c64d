/// `data`: every rank has the whole network and a part of the batch; gradients are summed over all ranks.
///
///   per step and rank     all-reduce of all gradients, in buckets, while backward goes on
///   elements sent         2 W (n-1)/n, W = learned values, for every model
#include "reference/plans/plan.h"

namespace convoy {
namespace {

Plan make(const PlanRequest& request) {
  return {.name = "data", .mesh = {{{"data", request.ranks}}}, .global_batch = request.global_batch, .batch_axis = 0};
}

std::vector<Rule> rules(const Model& model, int) { return std::vector<Rule>(model.nodes.size(), Rule::batch); }

}  // namespace

const NamedPlan data_plan{"data", "whole network on every rank, batch divided, gradients all-reduced in buckets", make, rules};

}  // namespace convoy
