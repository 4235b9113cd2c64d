/// `filter`: every rank has all images and a part of the filters of every layer (ParaDL calls it filter parallelism).
///
///   forward      after every convolution or linear layer with K filters: an all-gather of what comes out, before the next one
///   backward     a reduce-scatter of the gradient of what went in
///   elements     sent by each rank and layer with input of N x C x H x W: (n-1)/n N C H W in each direction, when even
/// No gradients of weights are sent. Layers in between work on their channels.
#include "reference/plans/plan.h"
#include "reference/plans/strategies.h"

namespace convoy {
namespace {

Plan make(const PlanRequest& request) {
  return {.name = "filter",
          .mesh = {{{"model", request.ranks}}},
          .global_batch = request.global_batch,
          .batch_axis = -1,
          .strategies = {"filter"}};
}

std::vector<Rule> rules(const Model& model, int) {
  std::vector<Rule> rules;
  for (const Node& node : model.nodes) rules.push_back(is_product(node.layer) ? Rule::filter : by_channels_rule(node.layer));
  return rules;
}

}  // namespace

const NamedPlan filter_plan{"filter", "every layer's filters divided, activations gathered before the next", make, rules};

}  // namespace convoy
