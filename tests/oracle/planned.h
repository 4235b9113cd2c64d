/// Training by a schedule on threads, from the same start and with the same images as the oracle.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "reference/data/synthetic.h"
#include "reference/exec/exec.h"
#include "reference/plans/stages.h"
#include "reference/train/cpu_compute.h"
#include "reference/train/weights.h"
#include "tests/oracle/counted.h"
#include "tests/oracle/serial.h"

namespace convoy::tests {

struct PlannedRun {
  ModelValues values;                 ///< of the whole model, put together from all ranks
  bool replicas_agree = true;         ///< bit by bit, wherever two ranks hold the same weights
  double replica_difference = 0;      ///< largest difference of such weights; NaN when one is NaN
  cpu::Loss totals;                   ///< of all ranks and steps
  std::vector<std::string> breaches;  ///< of the timeline
  std::string miscounted;             ///< bytes sent that are not those of volume.h; "" when all are
};

/// Ops with these names are not the kernels' business: what mutants put into a schedule.
inline constexpr const char* kMutantNothing = "mutant.nothing";
inline constexpr const char* kMutantScale = "mutant.scale";

inline void scale_by_half(const ComputeCall& call) {
  const Region region = call.compute.operands.at(0).region;
  const DType dtype = call.schedule.program(call.rank).buffers[static_cast<std::size_t>(region.buffer)].dtype;
  with_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    T* values = call.memory.at<T>(region);
    for (std::int64_t i = 0; i < region.slice.count; ++i) values[i] = static_cast<T>(0.5F * static_cast<float>(values[i]));
  });
}

/// What carries a schedule out: run_on_threads, or another executor with the same promise.
using Executor =
    std::function<Timeline(const Schedule&, int iterations, std::vector<RankMemory>&, const ComputeFn&, const RunOptions&)>;

struct PlannedSettings {
  Kernels kernels = Kernels::naive_f64;
  bool check = true;  ///< off for schedules that are broken on purpose
  double time_out_s = 60;
  std::vector<double> start = {};  ///< weights; empty: those that the seed gives
  Executor executor = [](const Schedule& schedule, int iterations, std::vector<RankMemory>& memories, const ComputeFn& compute,
                         const RunOptions& options) { return run_on_threads(schedule, iterations, memories, compute, options); };
};

/// Carries out `steps` steps of a schedule on these memories, which are bound to it.
inline Timeline execute(const Schedule& schedule, int steps, std::vector<RankMemory>& memories, CpuCompute& compute,
                        const PlannedSettings& planned) {
  const ComputeFn function = [&](const ComputeCall& call) {
    if (call.op.name == kMutantNothing) return;
    if (call.op.name == kMutantScale) return scale_by_half(call);
    compute.run(call);
  };
  RunOptions options;
  options.check = planned.check;
  options.poison = true;
  options.time_out_s = planned.time_out_s;
  return planned.executor(schedule, steps, memories, function, options);
}

/// Runs `steps` steps of a training schedule from the starting weights. `memories`, when given, is what the ranks have at the
/// end.
inline PlannedRun run_planned(const Schedule& schedule, const Model& model, const Dataset& data, const OracleSettings& settings,
                              const PlannedSettings& planned = {}, std::vector<RankMemory>* memories_at_end = nullptr) {
  ComputeSettings compute_settings;
  compute_settings.kernels = planned.kernels;
  compute_settings.seed = settings.seed;
  compute_settings.sgd = [&](std::int64_t) { return settings.sgd; };
  CpuCompute compute(model, data, schedule.world_size(), compute_settings);

  ModelValues start = initial_values(model, settings.seed);
  if (!planned.start.empty()) start.weights = planned.start;
  std::vector<RankMemory> memories(static_cast<std::size_t>(schedule.world_size()));
  for (int r = 0; r < schedule.world_size(); ++r) {
    RankMemory& memory = memories[static_cast<std::size_t>(r)];
    memory.bind(schedule.program(r));
    set_weights(memory, model, schedule, r, start.weights);
    write_values(memory, "running_statistics", local_states(model, schedule, r, start.states));
  }
  const Timeline timeline = execute(schedule, settings.steps, memories, compute, planned);

  PlannedRun run;
  run.breaches = check_timeline(schedule, settings.steps, timeline);
  run.miscounted = miscounted(model, schedule, settings.steps, timeline);
  run.totals = compute.totals();
  for (int r = schedule.world_size() - 1; r >= 0; --r) {
    const RankMemory& memory = memories[static_cast<std::size_t>(r)];
    place_weights(model, schedule, r, read_values(memory, "weights"), run.values.weights);
    place_states(model, schedule, r, read_values(memory, "running_statistics"), run.values.states);
  }
  for (int r = 0; r < schedule.world_size(); ++r) {
    const std::vector<double> put_together = local_weights(model, schedule, r, run.values.weights);
    const std::vector<double> mine = read_values(memories[static_cast<std::size_t>(r)], "weights");
    run.replicas_agree = run.replicas_agree && put_together == mine;
    for (std::size_t i = 0; i < mine.size(); ++i)
      if (const double difference = std::abs(put_together[i] - mine[i]); !(difference <= run.replica_difference))
        run.replica_difference = difference;
  }
  if (memories_at_end != nullptr) *memories_at_end = std::move(memories);
  return run;
}

/// Loss and correct answers of an evaluation schedule on the images from `first` on, a batch at a time, with what the ranks have.
inline cpu::Loss evaluate_planned(const Schedule& schedule, const Model& model, const Dataset& data, std::int64_t first,
                                  int batches, std::vector<RankMemory>& memories) {
  ComputeSettings settings;
  settings.kernels = Kernels::naive_f64;
  settings.mode = Mode::evaluate;
  settings.sample_at = [&](std::int64_t step, std::int64_t position) { return first + step * schedule.global_batch + position; };
  CpuCompute compute(model, data, schedule.world_size(), settings);
  (void)execute(schedule, batches, memories, compute, {});
  return compute.totals();
}

/// Largest difference of a tensor over its largest value, over all tensors. NaN when anything is NaN.
inline double relative_difference(const std::vector<Parameter>& tensors, const std::vector<double>& expected,
                                  const std::vector<double>& got) {
  double worst = 0;
  for (const Parameter& tensor : tensors) {
    double difference = 0;
    double largest = 0;
    for (std::int64_t i = tensor.offset; i < tensor.offset + tensor.shape.count(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (!std::isfinite(got.at(at))) return std::nan("");
      difference = std::max(difference, std::abs(got[at] - expected[at]));
      largest = std::max(largest, std::abs(expected[at]));
    }
    worst = std::max(worst, largest > 0 ? difference / largest : difference);
  }
  return worst;
}
inline double relative_difference(const Model& model, const std::vector<double>& expected, const PlannedRun& run) {
  return relative_difference(parameters(model), expected, run.values.weights);
}

/// The groups of images over which a plan computes the statistics of BatchNorm2d, in order: the whole batch, or one for each
/// combination of coordinates on the axes where ranks have statistics of their own, and each micro-batch.
inline std::vector<Slice> statistics_groups(const Schedule& schedule) {
  std::vector<Slice> groups;
  for (int r = 0; r < schedule.world_size(); ++r) {
    int node = -1;  // all of them have the same groups in the plans tested
    for (const Op& op : schedule.program(r).ops) {
      const auto* compute = std::get_if<Compute>(&op.action);
      if (compute == nullptr || compute->kind != ComputeKind::statistics || (node >= 0 && compute->node != node)) continue;
      node = compute->node;
      const Slice mine{schedule.samples(r).offset + compute->operands.front().box.n.offset,
                       compute->operands.front().box.n.count};
      if (std::find(groups.begin(), groups.end(), mine) == groups.end()) groups.push_back(mine);
    }
  }
  return groups;
}

/// Gives an oracle the groups of a plan. Running statistics follow the micro-batches of the first share of the batch.
inline void set_groups(OracleSettings& settings, const Plan& plan, const Schedule& schedule) {
  const bool pipelined = pipeline_axis(plan) >= 0;
  if (plan.synchronised_statistics && !pipelined) {
    settings.statistics_groups.clear();
    return;
  }
  settings.statistics_groups = statistics_groups(schedule);
  if (!pipelined) return;
  std::ranges::stable_sort(settings.statistics_groups, {}, &Slice::offset);
  settings.running_groups = 0;
  for (const Slice& group : settings.statistics_groups)
    settings.running_groups += group.end() <= schedule.samples(0).end() ? 1 : 0;
}

}  // namespace convoy::tests
