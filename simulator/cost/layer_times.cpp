// Times of whole layers that somebody else measured, and a model of costs for all else.
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "reference/core/error.h"
#include "simulator/cost/cost.h"
#include "simulator/cost/curve.h"

namespace convoy {
namespace {

/// Curves by node and pass.
using Curves = std::map<std::pair<std::string, std::string>, Curve>;

bool has_work(const Model& model, int node, Pass pass) {
  const Work work = work_of(model, node, 1, pass, DType::f32);
  return work.flops > 0 || work.bytes_read > 0 || work.bytes_written > 0;
}

Curves curves_of(const LayerTimes& times, const Model& model) {
  std::vector<std::string> names;
  for (const Node& node : model.nodes) names.push_back(node.name);
  Curves curves;
  for (const LayerTime& row : times.rows) {
    if (std::find(names.begin(), names.end(), row.layer) == names.end()) {
      const std::string near = nearest_word(row.layer, names);
      throw InputError(cat(row.place, ": ", model.name, " has no layer '", row.layer, "'",
                           near.empty() ? "" : cat("; did you mean '", near, "'?"), " 'convoy model ", model.name,
                           "' lists its layers"));
    }
    curves[{row.layer, row.pass}].add(row.batch, row.time_s);
  }
  return curves;
}

bool is_backward(ComputeKind kind) { return kind == ComputeKind::backward_input || kind == ComputeKind::backward_weights; }

/// What of a layer's whole backward pass this op is: by FLOPs, or by bytes where there are none, of the halves that the program
/// has.
double share_of_backward(const Program& program, const Compute& compute) {
  Work mine = compute.work, all = compute.work;
  for (const Op& op : program.ops) {
    const auto* other = std::get_if<Compute>(&op.action);
    if (other == nullptr || other->node != compute.node || !is_backward(other->kind) || other->kind == compute.kind) continue;
    all.flops += other->work.flops;
    all.bytes_read += other->work.bytes_read;
    all.bytes_written += other->work.bytes_written;
    break;
  }
  if (all.flops > 0) return mine.flops / all.flops;
  const double bytes = all.bytes_read + all.bytes_written;
  return bytes > 0 ? (mine.bytes_read + mine.bytes_written) / bytes : 1;
}

/// The pass in whose time an op is; "" for ops that are in none.
std::string_view pass_of(ComputeKind kind) {
  switch (kind) {
    case ComputeKind::forward:
    case ComputeKind::statistics: return "forward";
    case ComputeKind::backward_input: return "backward_input";
    case ComputeKind::backward_weights: return "backward_weights";
    case ComputeKind::gradient_statistics: return "backward";
    default: return "";
  }
}

}  // namespace

CostModel from_layer_times(const LayerTimes& times, const Model& model, const CostModel& rest) {
  const auto curves = std::make_shared<const Curves>(curves_of(times, model));
  std::vector<std::pair<std::string, std::string>> nodes;  // names and shapes
  for (int i = 0; i < static_cast<int>(model.nodes.size()); ++i)
    nodes.emplace_back(model.nodes[static_cast<std::size_t>(i)].name, whole_shape(model, i));
  CostModel cost;
  cost.receive_s = rest.receive_s;
  cost.compute_s = [curves, nodes, rest, file = times.file](const Program& program, const Op& op, const Compute& compute) {
    const std::string pass(pass_of(compute.kind));
    if (compute.node < 0 || pass.empty() || compute.work == Work{}) return rest.compute_s(program, op, compute);
    const auto& [name, shape] = nodes.at(static_cast<std::size_t>(compute.node));
    const auto half = curves->find({name, pass});
    const auto whole = pass == "forward" ? curves->end() : curves->find({name, "backward"});
    const bool counts_with_other = compute.kind == ComputeKind::statistics || compute.kind == ComputeKind::gradient_statistics;
    if (half == curves->end() && whole == curves->end()) return rest.compute_s(program, op, compute);
    if (counts_with_other) return 0.0;  // a layer's time is that of all its parts
    const OpSize size = size_of(program, compute);
    if (!size.shape.empty() && size.shape != shape)
      throw InputError(cat(file, " has times of whole layers, and '", op.name, "' computes ", size.shape, " of the ", shape,
                           " of ", name, "; take a plan that divides no layer, such as data, or --cost kernels"));
    const int images =
        size.batch > 0 ? size.batch : program.batch;  // gradients of BatchNorm2d's weights come from sums, not from images
    if (half != curves->end()) return half->second.at(images);
    return whole->second.at(images) * share_of_backward(program, compute);
  };
  return cost;
}

std::vector<std::string> layers_without_times(const LayerTimes& times, const Model& model) {
  std::set<std::string> forward, backward;
  for (const LayerTime& row : times.rows) (row.pass == "forward" ? forward : backward).insert(row.layer);
  std::vector<std::string> missing;
  for (int i = 0; i < static_cast<int>(model.nodes.size()); ++i) {
    const std::string& name = model.nodes[static_cast<std::size_t>(i)].name;
    if (has_work(model, i, Pass::forward) && !forward.contains(name)) missing.push_back(name + " forward");
    const bool goes_back = has_work(model, i, Pass::backward_input) || has_work(model, i, Pass::backward_weights);
    if (goes_back && !backward.contains(name)) missing.push_back(name + " backward");
  }
  return missing;
}

}  // namespace convoy
