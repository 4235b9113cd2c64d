#include <array>

#include "reference/core/error.h"
#include "reference/plans/plan.h"

namespace convoy {
namespace {

constexpr std::array kPlans = {
    NamedPlan{"data", "whole network on every rank, batch divided, gradients all-reduced in buckets", data_plan},
};

}  // namespace

std::span<const NamedPlan> named_plans() { return kPlans; }

Plan make_plan(std::string_view name, const PlanRequest& request) {
  std::vector<std::string> known;
  for (const NamedPlan& plan : kPlans) {
    if (plan.name == name) return plan.make(request);
    known.emplace_back(plan.name);
  }
  throw_unknown_word("plan", name, known);
}

}  // namespace convoy
