#include <algorithm>
#include <array>

#include "reference/core/error.h"
#include "reference/plans/plan.h"

namespace convoy {
namespace {

/// The table. One row a plan.
std::span<const NamedPlan> table() {
  static const std::array rows = {data_plan,
                                  data_parallel_root_plan,
                                  filter_plan,
                                  channel_plan,
                                  megatron_plan,
                                  spatial_plan,
                                  one_weird_trick_plan,
                                  pipeline_plan,
                                  hybrid_plan,
                                  parameter_server_plan,
                                  sharded_optimizer_plan,
                                  local_sgd_plan};
  return rows;
}

constexpr std::array kSchemes = {"a", "b", "c"};
constexpr std::array<std::string_view, 3> kFusions = {"auto", "off", "on"};
constexpr std::array<std::string_view, 3> kLayouts = {"auto", "nchw", "blocked"};
constexpr std::array kOptimisers = {"sgd", "lars"};
constexpr std::array kLocalMomenta = {"average", "restart", "keep"};

}  // namespace

std::string_view to_string(ExchangeScheme scheme) { return kSchemes.at(static_cast<std::size_t>(scheme)); }

ExchangeScheme parse_exchange_scheme(std::string_view name) {
  for (std::size_t i = 0; i < kSchemes.size(); ++i)
    if (name == kSchemes.at(i)) return static_cast<ExchangeScheme>(i);
  throw_unknown_word("exchange scheme", name, {kSchemes.begin(), kSchemes.end()});
}

std::string_view to_string(Fusion fusion) { return kFusions.at(static_cast<std::size_t>(fusion)); }
Fusion parse_fusion(std::string_view name) {
  const auto found = std::ranges::find(kFusions, name);
  if (found == kFusions.end()) throw_unknown_word("fusion", name, {kFusions.begin(), kFusions.end()});
  return static_cast<Fusion>(found - kFusions.begin());
}
std::string_view to_string(ActivationLayout layout) { return kLayouts.at(static_cast<std::size_t>(layout)); }
ActivationLayout parse_activation_layout(std::string_view name) {
  const auto found = std::ranges::find(kLayouts, name);
  if (found == kLayouts.end()) throw_unknown_word("layout", name, {kLayouts.begin(), kLayouts.end()});
  return static_cast<ActivationLayout>(found - kLayouts.begin());
}
std::string_view to_string(Optimiser optimiser) { return kOptimisers.at(static_cast<std::size_t>(optimiser)); }

Optimiser parse_optimiser(std::string_view name) {
  for (std::size_t i = 0; i < kOptimisers.size(); ++i)
    if (name == kOptimisers.at(i)) return static_cast<Optimiser>(i);
  throw_unknown_word("optimiser", name, {kOptimisers.begin(), kOptimisers.end()});
}

std::string_view to_string(LocalMomentum momentum) { return kLocalMomenta.at(static_cast<std::size_t>(momentum)); }

LocalMomentum parse_local_momentum(std::string_view name) {
  for (std::size_t i = 0; i < kLocalMomenta.size(); ++i)
    if (name == kLocalMomenta.at(i)) return static_cast<LocalMomentum>(i);
  throw_unknown_word("fate of local momentum", name, {kLocalMomenta.begin(), kLocalMomenta.end()});
}

std::string compression_method(const std::string& word) {
  const std::vector<std::string> known = {"none", "top_k", "int8"};
  if (std::ranges::find(known, word) == known.end()) throw_unknown_word("way to compress", word, known);
  return word;
}

std::span<const NamedPlan> named_plans() { return table(); }

const NamedPlan& named_plan(std::string_view name) {
  std::vector<std::string> known;
  for (const NamedPlan& plan : table()) {
    if (plan.name == name) return plan;
    known.emplace_back(plan.name);
  }
  throw_unknown_word("plan", name, known);
}

Plan make_plan(std::string_view name, const PlanRequest& request) { return named_plan(name).make(request); }

namespace {

int axis_of(const Plan& plan, const std::string& name) {
  std::vector<std::string> known;
  for (std::size_t a = 0; a < plan.mesh.axes.size(); ++a) {
    if (plan.mesh.axes[a].name == name) return static_cast<int>(a);
    known.push_back(plan.mesh.axes[a].name);
  }
  throw_unknown_word("axis", name, known);
}

void override_rules(const Model& model, const Plan& plan, std::vector<std::vector<Rule>>& rules) {
  std::vector<std::string> known;
  for (const Node& node : model.nodes) known.push_back(node.name);
  for (const auto& [name, by_axis] : plan.overrides) {
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) throw_unknown_word(cat("node of ", model.name), name, known);
    for (const auto& [axis, rule] : by_axis)
      rules[static_cast<std::size_t>(found - known.begin())][static_cast<std::size_t>(axis_of(plan, axis))] = rule;
  }
}

}  // namespace

std::vector<std::vector<Rule>> rules_of(const Model& model, const Plan& plan) {
  require(plan.strategies.size() == plan.mesh.axes.size(), "rules_of", plan.strategies.size(), " strategies for ",
          plan.mesh.axes.size(), " axes");
  std::vector<std::vector<Rule>> rules(model.nodes.size(), std::vector<Rule>(plan.mesh.axes.size(), Rule::replicate));
  for (std::size_t a = 0; a < plan.strategies.size(); ++a) {
    if (plan.mesh.axes[a].extent == 1) continue;  // nothing is divided
    const NamedPlan& strategy = named_plan(plan.strategies[a]);
    if (strategy.rules == nullptr)
      throw InputError(cat("plan '", strategy.name, "' combines others and cannot divide the axis '", plan.mesh.axes[a].name,
                           "' itself; write for example 'data' or 'filter'"));
    const std::vector<Rule> of_axis = strategy.rules(model, plan.mesh.axes[a].extent);
    for (std::size_t i = 0; i < rules.size(); ++i) rules[i][a] = of_axis[i];
  }
  override_rules(model, plan, rules);
  return rules;
}

}  // namespace convoy
