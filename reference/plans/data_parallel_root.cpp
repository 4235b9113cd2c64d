/// `data_parallel_root`: what PyTorch's DataParallel does, and why everyone moved to all-reduce. Rank 0 has the weights and the
/// images; in every step it hands out both, gathers the outputs, computes the loss alone, hands out its gradient and sums up
/// the gradients of the weights.
///
///   per step     broadcast of the weights, images scattered, outputs gathered, their gradients scattered, weight gradients
///                reduced to rank 0
///   elements     rank 0 sends (n-1)/n of the images and of the outputs' gradients, and the weights to ceil(log2 n) ranks;
///                its link is the bottleneck. The others send 1/n of the outputs, W = learned values of gradients, and hand
///                weights on
#include "reference/plans/plan.h"

namespace convoy {
namespace {

Plan make(const PlanRequest& request) {
  return {.name = "data_parallel_root",
          .mesh = {{{"data", request.ranks}}},
          .global_batch = request.global_batch,
          .batch_axis = -1,
          .strategies = {"data_parallel_root"},
          .at_root = true};
}

std::vector<Rule> rules(const Model& model, int) {
  std::vector<Rule> rules;
  for (const Node& node : model.nodes)
    rules.push_back(std::holds_alternative<SoftmaxCrossEntropy>(node.layer) ? Rule::root : Rule::batch);
  return rules;
}

}  // namespace

const NamedPlan data_parallel_root_plan{
    "data_parallel_root", "rank 0 hands out weights and images and sums gradients, as PyTorch's DataParallel", make, rules};

}  // namespace convoy
