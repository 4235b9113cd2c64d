#include "reference/plans/stages.h"

#include <algorithm>
#include <limits>
#include <set>

#include "reference/core/error.h"

namespace convoy {
namespace {

std::size_t index(int i) { return static_cast<std::size_t>(i); }

/// For every node the values of one image that cross a cut in front of it: outputs of nodes before that it or a later one reads.
std::vector<std::int64_t> values_across(const Model& model) {
  const std::vector<Shape> outputs = output_shapes(model, 1);
  std::vector<int> last_reader(model.nodes.size(), -1);
  for (std::size_t i = 0; i < model.nodes.size(); ++i)
    for (const int input : model.nodes[i].inputs)
      if (input != kImages) last_reader[index(input)] = static_cast<int>(i);
  std::vector<std::int64_t> values(model.nodes.size(), 0);
  for (std::size_t from = 0; from < model.nodes.size(); ++from)
    for (int cut = static_cast<int>(from) + 1; cut <= last_reader[from]; ++cut) values[index(cut)] += outputs[from].count();
  return values;
}

int node_named(const Model& model, const std::string& name) {
  std::vector<std::string> known;
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    if (model.nodes[i].name == name) return static_cast<int>(i);
    known.push_back(model.nodes[i].name);
  }
  throw_unknown_word(cat("node of ", model.name), name, known);
}

/// The nodes with which stages begin, as the plan names them.
std::vector<int> cut_by_hand(const Model& model, const std::vector<std::string>& cuts, int stages) {
  if (std::ssize(cuts) + 1 != stages)
    throw InputError(cat("the pipeline has ", stages, " stages, and ", cuts.size(),
                         cuts.size() == 1 ? " cut is" : " cuts are", " named; name the ", stages - 1,
                         " nodes with which stages 1 to ", stages - 1, " begin, or none"));
  std::vector<int> first = {0};
  for (const std::string& name : cuts) {
    const int node = node_named(model, name);
    if (node <= first.back())
      throw InputError(cat("the cut before node '", name, "' leaves nothing for stage ", first.size() - 1,
                           "; name cuts in the order of the nodes, each once, and not the first node"));
    first.push_back(node);
  }
  return first;
}

}  // namespace

NodeCost cost_by_work(const Model& model) {
  constexpr double operations_per_byte = 10;
  constexpr int images = 16;
  std::vector<double> costs;
  for (int i = 0; i < static_cast<int>(model.nodes.size()); ++i) {
    Work all = work_of(model, i, images, Pass::forward, DType::f32);
    all += work_of(model, i, images, Pass::backward_input, DType::f32);
    all += work_of(model, i, images, Pass::backward_weights, DType::f32);
    costs.push_back(all.flops + operations_per_byte * (all.bytes_read + all.bytes_written));
  }
  return [costs](int node) { return costs.at(index(node)); };
}

std::vector<int> cut_by_cost(const Model& model, int stages, const NodeCost& cost) {
  const auto nodes = static_cast<int>(model.nodes.size());
  require(stages >= 1, "cut_by_cost", stages, " stages");
  if (stages > nodes)
    throw InputError(cat("network '", model.name, "' has ", nodes, " nodes and cannot be cut into ", stages,
                         " stages; use fewer ranks or stages a rank"));
  std::vector<double> sums = {0};  // of the nodes before
  for (int i = 0; i < nodes; ++i) sums.push_back(sums.back() + cost(i));
  const std::vector<std::int64_t> across = values_across(model);
  // best[s][i]: nodes 0 to i-1 in s+1 stages.
  struct Best {
    double dearest = std::numeric_limits<double>::infinity();
    std::int64_t values = 0;
    int first = 0;  ///< node of the last stage
  };
  std::vector<std::vector<Best>> best(index(stages), std::vector<Best>(index(nodes) + 1));
  for (int i = 1; i <= nodes; ++i) best[0][index(i)] = {sums[index(i)], 0, 0};
  for (int s = 1; s < stages; ++s)
    for (int i = s + 1; i <= nodes; ++i)
      for (int first = s; first < i; ++first) {
        const Best& before = best[index(s - 1)][index(first)];
        const Best now{std::max(before.dearest, sums[index(i)] - sums[index(first)]), before.values + across[index(first)], first};
        Best& known = best[index(s)][index(i)];
        if (now.dearest < known.dearest || (now.dearest == known.dearest && now.values < known.values)) known = now;
      }
  std::vector<int> firsts;
  for (int s = stages - 1, end = nodes; s >= 0; --s) {
    firsts.insert(firsts.begin(), best[index(s)][index(end)].first);
    end = firsts.front();
  }
  return firsts;
}

int pipeline_axis(const Plan& plan) {
  for (std::size_t a = 0; a < plan.strategies.size(); ++a)
    if (plan.strategies[a] == "pipeline") return static_cast<int>(a);
  return -1;
}

PipelineShape pipeline_shape(const Plan& plan) {
  const int axis = pipeline_axis(plan);
  if (axis < 0) return {};
  return {plan.mesh.axes.at(index(axis)).extent, plan.pipeline.stages_per_rank, plan.pipeline.micro_batches};
}

std::vector<int> stages_of(const Model& model, const Plan& plan) {
  std::vector<int> stages(model.nodes.size(), 0);
  if (pipeline_axis(plan) < 0) return stages;
  const int count = pipeline_shape(plan).stages();
  const std::vector<int> firsts =
      plan.pipeline.cuts.empty() ? cut_by_cost(model, count, cost_by_work(model)) : cut_by_hand(model, plan.pipeline.cuts, count);
  for (const int first : firsts)
    if (first > 0)
      for (std::size_t i = index(first); i < stages.size(); ++i) ++stages[i];
  return stages;
}

Plan with_cuts(Plan plan, const Model& model, const NodeCost& cost) {
  const std::vector<int> firsts = cut_by_cost(model, pipeline_shape(plan).stages(), cost);
  plan.pipeline.cuts.clear();
  for (std::size_t s = 1; s < firsts.size(); ++s) plan.pipeline.cuts.push_back(model.nodes[index(firsts[s])].name);
  return plan;
}

std::vector<PipelineEdge> pipeline_edges(const Model& model, const std::vector<int>& stages, const PipelineShape& shape,
                                         const std::vector<bool>& needed, const std::vector<bool>& gradients) {
  std::vector<PipelineEdge> edges;
  for (int from = 0; from < static_cast<int>(model.nodes.size()); ++from) {
    std::set<int> ranks = {shape.rank_of(stages[index(from)])};  // that have the output
    const std::size_t begin = edges.size();
    for (int reader = from + 1; reader < static_cast<int>(model.nodes.size()); ++reader) {
      const std::vector<int>& inputs = model.nodes[index(reader)].inputs;
      if (!needed[index(reader)] || std::find(inputs.begin(), inputs.end(), from) == inputs.end()) continue;
      const int rank = shape.rank_of(stages[index(reader)]);
      if (ranks.insert(rank).second) edges.push_back({from, stages[index(from)], stages[index(reader)], false});
      for (std::size_t e = begin; e < edges.size(); ++e)
        if (shape.rank_of(edges[e].to) == rank && gradients[index(from)] && gradients[index(reader)]) edges[e].goes_back = true;
    }
  }
  return edges;
}

}  // namespace convoy
