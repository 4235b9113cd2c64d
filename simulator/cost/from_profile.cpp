#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reference/core/error.h"
#include "simulator/cost/cost.h"

// Note [between measurements]
// A time is known at some sizes: images of the rank, or elements for zero and update. Between two of them it is the straight
// line. Outside, it is in proportion to the nearest: a kernel's fixed part is neglected there, so measure near the sizes you
// simulate.

namespace convoy {
namespace {

/// Measured times by size, sizes ascending and positive.
class Curve {
 public:
  void add(double size, double time_s) { points_[size] = time_s; }

  [[nodiscard]] double at(double size) const {
    const auto above = points_.lower_bound(size);
    if (above == points_.end()) return scaled(*points_.rbegin(), size);
    if (above->first == size) return above->second;
    if (above == points_.begin()) return scaled(*above, size);
    const auto below = std::prev(above);
    const double part = (size - below->first) / (above->first - below->first);
    return below->second + part * (above->second - below->second);
  }

 private:
  static double scaled(const std::pair<const double, double>& point, double size) { return point.second * (size / point.first); }

  std::map<double, double> points_;
};

bool counts_elements(ComputeKind kind) { return kind == ComputeKind::zero || kind == ComputeKind::update; }

/// What a curve is looked up by: name of the node ("" for load, zero and update) and kind.
using Key = std::pair<std::string, ComputeKind>;

void check_entry(const ProfileEntry& entry, const std::set<std::string>& nodes) {
  const auto what = [&] {
    return cat("the profile's entry for ", to_string(entry.kind), entry.node.empty() ? "" : " of ", entry.node);
  };
  if (!(std::isfinite(entry.time_s) && entry.time_s >= 0))
    throw InputError(cat(what(), " has time_s ", entry.time_s, "; measure again"));
  if (!entry.node.empty() && !nodes.contains(entry.node))
    throw InputError(cat(what(), " names a node that the model does not have"));
  const double size = counts_elements(entry.kind) ? static_cast<double>(entry.count) : entry.batch;
  if (!(size > 0))
    throw InputError(cat(what(), " has ", counts_elements(entry.kind) ? "count " : "batch ", size, ", which must be positive"));
}

std::map<Key, Curve> curves_of(const Profile& profile, const Model& model) {
  std::set<std::string> nodes;
  for (const Node& node : model.nodes) nodes.insert(node.name);
  std::map<Key, Curve> curves;
  for (const ProfileEntry& entry : profile.entries) {
    check_entry(entry, nodes);
    const double size = counts_elements(entry.kind) ? static_cast<double>(entry.count) : entry.batch;
    curves[{entry.node, entry.kind}].add(size, entry.time_s);
  }
  return curves;
}

/// Elements that a zero or an update goes over: its longest operand.
double element_count(const Compute& compute) {
  std::int64_t count = 0;
  for (const Operand& operand : compute.operands) count = std::max(count, operand.region.slice.count);
  return static_cast<double>(count);
}

}  // namespace

CostModel from_profile(const Profile& profile, const Model& model) {
  if (profile.model != model.name)
    throw InputError(cat("the profile was measured for '", profile.model, "', not for '", model.name,
                         "'; measure it with: convoy profile --model ", model.name));
  const auto curves = std::make_shared<const std::map<Key, Curve>>(curves_of(profile, model));
  std::vector<std::string> names;
  for (const Node& node : model.nodes) names.push_back(node.name);

  CostModel cost;
  cost.compute_s = [curves, names, model_name = model.name](const Program& program, const Op& op, const Compute& compute) {
    const double size = counts_elements(compute.kind) ? element_count(compute) : program.batch;
    if (size == 0) return 0.0;
    const std::string node = compute.node < 0 ? "" : names.at(static_cast<std::size_t>(compute.node));
    const auto curve = curves->find({node, compute.kind});
    if (curve == curves->end())
      throw InputError(cat("the profile has no time for '", op.name, "' (", to_string(compute.kind), node.empty() ? "" : " of ",
                           node, "); measure it with: convoy profile --model ", model_name, " --batch-per-rank ", std::max(1, program.batch)));
    return curve->second.at(size);
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
