/// Plans in which every node is given its rule, and what their schedules send.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lessons/traffic.h"
#include "reference/plans/plan.h"

namespace convoy::lesson {

/// Every node follows the rule given for it; nodes that are not named are computed everywhere.
inline Plan plan_by_rules(const Model& model, const std::map<std::string, Rule>& rules, int ranks) {
  Plan plan = make_plan("filter", {.ranks = ranks, .global_batch = 2});
  for (const Node& node : model.nodes) {
    const auto found = rules.find(node.name);
    plan.overrides[node.name] = {{plan.mesh.axes.front().name, found == rules.end() ? Rule::replicate : found->second}};
  }
  return plan;
}

/// One communication op of activations or of their gradients.
struct Sent {
  std::string name;  ///< "conv2.y.all_reduce"
  bool backward = false;
  std::int64_t bytes = 0;  ///< that the rank sends
};

/// Those of one rank, in order.
inline std::vector<Sent> sent_by(const Schedule& schedule, int rank) {
  std::vector<Sent> all;
  bool backward = false;
  for (const Op& op : schedule.program(rank).ops) {
    const auto* compute = std::get_if<Compute>(&op.action);
    if (compute != nullptr && compute->kind == ComputeKind::zero) backward = true;  // gradients = 0: backward begins
    if (compute == nullptr && op.node >= 0) all.push_back({op.name, backward, traffic_of(schedule, rank, op).sent});
  }
  return all;
}

}  // namespace convoy::lesson
