/// `pipeline`: the nodes are cut into stages, one or more on each rank, and the images go through in micro-batches (Huang et al.,
/// "GPipe", 2019). A rank has the weights of its stages alone.
///
///   per micro-batch       every output that another rank reads, forward, and its gradient, backward
///   elements sent         those, whatever the weights are: little where few values cross the cuts
///   idle                  at both ends of a step, while the pipeline fills and empties; see pipeline_orders()

#include "reference/plans/plan.h"

namespace convoy {

/// Twice as many as ranks, or once where there are so few images.
int default_micro_batches(int ranks, int images) { return images >= 2 * ranks ? 2 * ranks : ranks; }

namespace {

Plan make(const PlanRequest& request) {
  return {.name = "pipeline",
          .mesh = {{{"pipeline", request.ranks}}},
          .global_batch = request.global_batch,
          .batch_axis = -1,
          .strategies = {"pipeline"},
          .pipeline = {.micro_batches = default_micro_batches(request.ranks, request.global_batch)}};
}

/// Nothing is divided inside a stage.
std::vector<Rule> rules(const Model& model, int) { return std::vector<Rule>(model.nodes.size(), Rule::replicate); }

}  // namespace

const NamedPlan pipeline_plan{"pipeline", "stages of the network on the ranks, through which images go in micro-batches", make,
                              rules};

}  // namespace convoy
