/// Stages: where a network is cut for a pipeline, and what crosses the cuts.
#pragma once

#include <functional>
#include <vector>

#include "reference/model/model.h"
#include "reference/plans/plan.h"

namespace convoy {

/// What a node costs, in any unit that can be added.
using NodeCost = std::function<double(int node)>;

/// FLOPs and bytes of a node forward and backward, for a micro-batch of 16 images, as operations: a byte moved counts as ten, which is
/// about what processors and GPUs do meanwhile. Where nothing is known about the machine. It does not depend on the plan's batch,
/// since the short last batch of an epoch needs the same stages.
NodeCost cost_by_work(const Model& model);

/// The nodes with which stages 0, 1, ... begin, when nodes are cut in their order so that the dearest stage costs as little as
/// can be, and among those cuts, so that the values of one image that cross them are fewest. Also where stages go round the ranks: cuts that
/// balance ranks instead leave a dear stage, for which every micro-batch waits (VGG-16 in lesson 10: 2 to 6 % slower). Throws an InputError when there are
/// fewer nodes than stages.
std::vector<int> cut_by_cost(const Model& model, int stages, const NodeCost& cost);

/// The axis on which a plan is a pipeline; -1: it is none.
int pipeline_axis(const Plan& plan);
/// Ranks along it, stages on each and micro-batches. One of each without a pipeline.
PipelineShape pipeline_shape(const Plan& plan);

/// The stage of every node under a plan: cut at Plan::pipeline.cuts, or by cost_by_work(). All 0 without a pipeline. An InputError
/// names the cut that makes no sense.
std::vector<int> stages_of(const Model& model, const Plan& plan);
/// The plan with cuts by this cost, written down as nodes.
Plan with_cuts(Plan plan, const Model& model, const NodeCost& cost);

/// An output that another rank reads: it is sent forward once, to the first of that rank's stages that read it, and its gradient
/// comes back from there, when all stages of that rank have added theirs.
struct PipelineEdge {
  int node = 0;            ///< whose output it is
  int from = 0;            ///< its stage
  int to = 0;              ///< the first stage at another rank that reads it
  bool goes_back = false;  ///< somebody wants the gradient
};
/// All of them, by node and then by stage. `needed`: nodes that take part; `gradients`: of nodes through which gradients go.
std::vector<PipelineEdge> pipeline_edges(const Model& model, const std::vector<int>& stages, const PipelineShape& shape,
                                         const std::vector<bool>& needed, const std::vector<bool>& gradients);

}  // namespace convoy
