/// `spatial`: every rank has all images but only some of their rows, and the rows of its neighbours that its windows reach
/// (Dryden et al. 2019).
///
///   forward      before every layer with a window of R > 1 rows: the halo, about (R-1)/2 rows of N x C x W from either side,
///                more where padding is missing or a stride shifts the parts
///   backward     the same rows of the gradient, sent back and added; gradients of the weights are all-reduced as in `data`
///   elements     sent by a rank in the middle for a 3x3 convolution with stride 1: 2 N C W in each direction
/// What needs no halo is computed while it travels. The first layer that cannot be divided by rows (Flatten, Linear, or one with
/// fewer rows than ranks) and all that read it work on whole images everywhere.
#include "reference/plans/plan.h"

namespace convoy {
namespace {

Plan make(const PlanRequest& request) {
  return {.name = "spatial",
          .mesh = {{{"rows", request.ranks}}},
          .global_batch = request.global_batch,
          .batch_axis = -1,
          .strategies = {"spatial"}};
}

std::vector<Rule> rules(const Model& model, int extent) {
  const std::vector<Shape> shapes = output_shapes(model, 1);
  std::vector<Rule> rules;
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    const Node& node = model.nodes[i];
    bool divided = true;
    std::vector<Shape> inputs;
    for (const int input : node.inputs) {
      inputs.push_back(input == kImages ? model.image : shapes[static_cast<std::size_t>(input)]);
      if (input == kImages || (inputs.size() > 1 && std::holds_alternative<Scale>(node.layer))) continue;  // factors are whole
      const Node& producer = model.nodes[static_cast<std::size_t>(input)];
      divided = divided && rules[static_cast<std::size_t>(input)] == Rule::spatial &&
                !std::holds_alternative<GlobalAvgPool2d>(producer.layer);
    }
    const NodeGeometry geometry{node, inputs, shapes[i], std::vector<Placement>(inputs.size())};
    const bool first = node.inputs.front() == kImages;  // said to be impossible, not silently left whole
    divided = divided && (first || most_ranks(geometry, Rule::spatial) >= extent);
    rules.push_back(divided ? Rule::spatial : Rule::replicate);
  }
  return rules;
}

}  // namespace

const NamedPlan spatial_plan{"spatial", "rows of every image divided, neighbours exchange what windows reach over", make, rules};

}  // namespace convoy
