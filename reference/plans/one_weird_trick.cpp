/// `one_weird_trick`: data parallelism up to the last pooling, filters divided after it (Krizhevsky 2014). Convolutions have most
/// of the arithmetic and few weights, linear layers the other way round, so each part is divided by what it has less of.
///
///   forward      the convolutional part's output is gathered by all ranks; linear layers exchange as in `filter`
///   backward     the gradient of that output is summed and scattered; gradients of the convolutional part are all-reduced
///   elements     sent by each rank: (n-1)/n of the output of the whole batch in each direction, and 2 W_conv (n-1)/n
/// The paper's schemes hand the output over (a) at once, (b) one rank's images at a time, (c) in n equal parts of every rank's
/// images; in b and c the linear part runs forward and backward for every hand-over, which takes 1/n of the memory and overlaps.
#include "reference/plans/plan.h"
#include "reference/plans/strategies.h"

namespace convoy {
namespace {

Plan make(const PlanRequest& request) {
  return {.name = "one_weird_trick",
          .mesh = {{{"model", request.ranks}}},
          .global_batch = request.global_batch,
          .batch_axis = -1,
          .strategies = {"one_weird_trick"},
          .scheme = request.scheme};
}

std::vector<Rule> rules(const Model& model, int) {
  std::vector<Rule> rules;
  std::vector<bool> linear;  // a linear layer, or behind one; an auxiliary head's do not count for the trunk
  for (const Node& node : model.nodes) {
    bool behind = std::holds_alternative<Linear>(node.layer);
    for (const int input : node.inputs) behind = behind || (input != kImages && linear[static_cast<std::size_t>(input)]);
    linear.push_back(behind);
    rules.push_back(!behind ? Rule::batch : is_product(node.layer) ? Rule::filter : by_channels_rule(node.layer));
  }
  return rules;
}

}  // namespace

const NamedPlan one_weird_trick_plan{"one_weird_trick", "convolutions by batch, linear layers by filters", make, rules};

}  // namespace convoy
