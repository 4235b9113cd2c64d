/// Pipelines to be tested: shapes, a network of equal stages, and what a unit of it costs.
#pragma once

#include <string>

#include "reference/core/error.h"
#include "reference/model/builder.h"
#include "reference/plans/stages.h"
#include "reference/schedule/ideal.h"

namespace convoy::tests {

/// Ranks, stages on each and micro-batches.
inline std::vector<PipelineShape> shapes() {
  std::vector<PipelineShape> all;
  for (const int ranks : {1, 2, 3, 4, 8})
    for (const int stages : {1, 2, 4})
      for (const int micro_batches : {1, 2, 3, 4, 6, 8, 12, 16, 32}) all.push_back({ranks, stages, micro_batches});
  return all;
}

/// Whether an order can have a shape: gpipe and 1f1b one stage a rank, interleaved micro-batches for all ranks.
inline bool takes(const PipelineOrder& order, const PipelineShape& shape) {
  return order.name == "interleaved" ? shape.micro_batches % shape.ranks == 0 : shape.stages_per_rank == 1;
}

/// fc1 to fc<n>, all of the same size, and the loss.
inline Model chain(int n) {
  ModelBuilder net(cat("chain", n), {1, 8, 1, 1}, 8);
  net.add("flatten", Flatten{});
  for (int i = 1; i <= n; ++i) net.add(cat("fc", i), Linear{8});
  return net.finish();
}

inline Plan piped(std::string_view order, const PipelineShape& shape, int batch = 0) {
  Plan plan = make_plan("pipeline", {.ranks = shape.ranks, .global_batch = batch > 0 ? batch : 2 * shape.micro_batches});
  plan.pipeline = {
      .micro_batches = shape.micro_batches, .order = std::string(order), .stages_per_rank = shape.stages_per_rank};
  return plan;
}

/// A step of a chain with one linear layer in each stage.
inline Schedule equal_stages(const PipelineOrder& order, const PipelineShape& shape, int images_of_micro_batch = 2) {
  Plan plan = piped(order.name, shape, images_of_micro_batch * shape.micro_batches);
  for (int stage = 1; stage < shape.stages(); ++stage) plan.pipeline.cuts.push_back(cat("fc", stage + 1));
  return make_schedule(chain(shape.stages()), plan);
}

/// A linear layer takes 1 forward and 2 backward, all else nothing. The first has no gradient of its input, so that of the weights
/// stands for both.
inline CostModel unit_cost() {
  return {.compute_s =
              [](const Program&, const Op& op, const Compute& compute) {
                if (!op.name.starts_with("fc")) return 0.0;
                return compute.kind == ComputeKind::forward ? 1.0 : compute.kind == ComputeKind::backward_weights ? 2.0 : 0.0;
              },
          .receive_s = nullptr};
}

/// The part of a run's time in which no compute op runs, averaged over ranks.
inline double idle_fraction(const Schedule& schedule, const Timeline& timeline) {
  double busy_s = 0, end_s = 0;
  for (const Interval& interval : timeline.intervals) {
    end_s = std::max(end_s, interval.end_s);
    const Op& op = schedule.program(interval.rank).ops[static_cast<std::size_t>(interval.op)];
    if (std::holds_alternative<Compute>(op.action)) busy_s += interval.end_s - interval.start_s;
  }
  return 1 - busy_s / (end_s * schedule.world_size());
}

}  // namespace convoy::tests
