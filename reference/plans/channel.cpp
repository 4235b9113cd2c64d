/// `channel`: every rank has all images and, of every layer, the input channels that it works on (ParaDL's channel parallelism).
///
///   forward      every layer's products are sums over channels, so over ranks: a reduce-scatter to the channels of the
///                next layer, an all-reduce before the loss
///   backward     an all-gather of the gradient of what came out
///   elements     sent by each rank and layer with output of N x K x P x Q: (n-1)/n N K P Q in each direction, when even
/// Layers with fewer input channels than ranks, like the first, are computed everywhere.
#include "reference/plans/plan.h"
#include "reference/plans/strategies.h"

namespace convoy {
namespace {

Plan make(const PlanRequest& request) {
  return {.name = "channel",
          .mesh = {{{"model", request.ranks}}},
          .global_batch = request.global_batch,
          .batch_axis = -1,
          .strategies = {"channel"}};
}

std::vector<Rule> rules(const Model& model, int extent) {
  std::vector<Rule> rules;
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    const Layer& layer = model.nodes[i].layer;
    const bool enough = input_shape(model, static_cast<int>(i), 1).c >= extent;
    rules.push_back(!enough ? Rule::replicate : is_product(layer) ? Rule::channel : by_channels_rule(layer));
  }
  return rules;
}

}  // namespace

const NamedPlan channel_plan{"channel", "every layer's input channels divided, its products summed over ranks", make, rules};

}  // namespace convoy
