#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "reference/core/error.h"
#include "reference/core/random.h"
#include "simulator/cost/cost.h"
#include "simulator/cost/curve.h"

namespace convoy {
namespace {

/// What a curve is looked up by: name of the node ("" for ops of none), kind and shape.
using Key = std::tuple<std::string, ComputeKind, std::string>;

/// The size by which times of an op are told apart.
double amount_of(const OpSize& size) { return size.count > 0 ? static_cast<double>(size.count) : size.batch; }

std::string describe(const Key& key) {
  const auto& [node, kind, shape] = key;
  return cat(to_string(kind), node.empty() ? "" : " of ", node, shape.empty() ? "" : ", ", shape);
}

void check_entry(const ProfileEntry& entry, const std::set<std::string>& nodes) {
  const auto what = [&] {
    return cat("the profile's entry for ", to_string(entry.kind), entry.node.empty() ? "" : " of ", entry.node);
  };
  if (!(std::isfinite(entry.time_s) && entry.time_s >= 0))
    throw InputError(cat(what(), " has time_s ", entry.time_s, "; measure again"));
  if (!entry.node.empty() && !nodes.contains(entry.node))
    throw InputError(cat(what(), " names a node that the model does not have"));
  if (!(entry.batch > 0) && !(entry.count > 0) && entry.kind != ComputeKind::join)
    throw InputError(cat(what(), " has batch ", entry.batch, " and count ", entry.count, "; one of them must be positive"));
}

/// Profiles that do not say shapes are of whole images.
std::string shape_of(const ProfileEntry& entry, const Model& model) {
  if (!entry.shape.empty() || entry.count > 0) return entry.shape;
  if (entry.node.empty()) return cat(">", model.image.c, "x", model.image.h, "x", model.image.w);
  const auto node = std::find_if(model.nodes.begin(), model.nodes.end(), [&](const Node& n) { return n.name == entry.node; });
  return whole_shape(model, static_cast<int>(node - model.nodes.begin()));
}

std::map<Key, Curve> curves_of(const Profile& profile, const Model& model) {
  std::set<std::string> nodes;
  for (const Node& node : model.nodes) nodes.insert(node.name);
  std::map<Key, Curve> curves;
  for (const ProfileEntry& entry : profile.entries) {
    check_entry(entry, nodes);
    const double size = amount_of({.batch = entry.batch, .count = entry.count});
    if (size > 0) curves[{entry.node, entry.kind, shape_of(entry, model)}].add(size, entry.time_s);
  }
  return curves;
}

/// Of single steps: time over the median. Empty where there are none.
std::vector<double> factors_of(const ProfileEntry& entry) {
  std::vector<double> factors;
  for (const double time_s : entry.steps_s) factors.push_back(entry.time_s > 0 ? time_s / entry.time_s : 1.0);
  return factors;
}

/// By key and amount.
using FactorTable = std::map<Key, std::map<double, std::vector<double>>>;

FactorTable factor_table(const Profile& profile, const Model& model) {
  FactorTable table;
  for (const ProfileEntry& entry : profile.entries)
    if (const std::vector<double> factors = factors_of(entry); !factors.empty())
      table[{entry.node, entry.kind, shape_of(entry, model)}][amount_of({.batch = entry.batch, .count = entry.count})] = factors;
  return table;
}

/// Those of the nearest amount.
const std::vector<double>& nearest(const std::map<double, std::vector<double>>& by_amount, double amount) {
  const auto distance = [&](const auto& one) { return std::abs(one.first - amount); };
  return std::min_element(by_amount.begin(), by_amount.end(),
                          [&](const auto& a, const auto& b) { return distance(a) < distance(b); })
      ->second;
}

/// The measured step that a rank repeats in an iteration: all of them once before any again.
std::size_t repeated(std::uint64_t seed, int rank, int iteration, std::size_t steps) {
  const auto round = static_cast<std::uint64_t>(iteration) / steps, turn = static_cast<std::uint64_t>(iteration) % steps;
  std::vector<std::size_t> order(steps);
  for (std::size_t i = 0; i < steps; ++i) order[i] = i;
  for (std::size_t i = 0; i <= turn; ++i)  // as far as needed of a shuffle by Fisher and Yates
    std::swap(order[i], order[i + random_bits(seed, static_cast<std::uint64_t>(rank), round, i) % (steps - i)]);
  return order[turn];
}

}  // namespace

std::function<double(int rank, int iteration, int op)> measured_jitter(const Profile& profile, const Model& model,
                                                                       const Schedule& schedule, std::uint64_t seed) {
  const FactorTable table = factor_table(profile, model);
  if (table.empty()) return {};
  std::vector<std::vector<std::vector<double>>> factors;  // [program][op][measured step]
  for (const Program& program : schedule.programs) {
    factors.emplace_back(program.ops.size());
    for (std::size_t i = 0; i < program.ops.size(); ++i) {
      const auto* compute = std::get_if<Compute>(&program.ops[i].action);
      if (compute == nullptr) continue;
      const OpSize size = size_of(program, *compute);
      const std::string node = compute->node < 0 ? "" : model.nodes.at(static_cast<std::size_t>(compute->node)).name;
      const auto found = table.find({node, compute->kind, size.shape});
      if (found != table.end()) factors.back()[i] = nearest(found->second, amount_of(size));
    }
  }
  const std::vector<int> classes = schedule.class_of;
  return [=](int rank, int iteration, int op) {
    const auto program = static_cast<std::size_t>(classes.at(static_cast<std::size_t>(rank)));
    const std::vector<double>& steps = factors.at(program).at(static_cast<std::size_t>(op));
    return steps.empty() ? 1.0 : steps[repeated(seed, rank, iteration, steps.size())];
  };
}

CostModel from_profile(const Profile& profile, const Model& model, const std::string& measure) {
  if (profile.model != model.name)
    throw InputError(cat("the profile was measured for '", profile.model, "', not for '", model.name,
                         "'; measure it with: convoy profile --model ", model.name));
  const auto curves = std::make_shared<const std::map<Key, Curve>>(curves_of(profile, model));
  std::vector<std::string> names;
  for (const Node& node : model.nodes) names.push_back(node.name);

  CostModel cost;
  const std::string command = measure.empty() ? cat("convoy profile --model ", model.name) : measure;
  cost.compute_s = [curves, names, command](const Program& program, const Op& op, const Compute& compute) {
    const OpSize size = size_of(program, compute);
    const double amount = amount_of(size);
    if (amount == 0 || compute.work == Work{}) return 0.0;
    const std::string node = compute.node < 0 ? "" : names.at(static_cast<std::size_t>(compute.node));
    const Key key{node, compute.kind, size.shape};
    const auto curve = curves->find(key);
    if (curve == curves->end())
      throw InputError(cat("the profile has no time for '", op.name, "' (", describe(key), "); measure it with: ", command));
    return curve->second.at(amount);
  };
  if (profile.transport) {
    const double add_s_per_byte = profile.transport->add_s_per_byte;
    if (!(std::isfinite(add_s_per_byte) && add_s_per_byte >= 0))
      throw InputError(cat("the profile's transport has add_s_per_byte ", add_s_per_byte, "; measure again"));
    // The measured bandwidth is that of copying; only adding takes longer.
    cost.receive_s = [=](OnReceive on_receive, double bytes) {
      return on_receive == OnReceive::add ? bytes * add_s_per_byte : 0.0;
    };
  }
  return cost;
}

}  // namespace convoy
