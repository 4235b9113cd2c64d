/// Training by a schedule on threads, from the same start and with the same images as the oracle.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "reference/data/synthetic.h"
#include "reference/exec/exec.h"
#include "reference/plans/plan.h"
#include "reference/train/cpu_compute.h"
#include "tests/oracle/serial.h"

namespace convoy::tests {

struct PlannedRun {
  std::vector<std::vector<double>> weights;  ///< of every rank
  std::vector<std::string> breaches;         ///< of the timeline
};

/// Ops with these names are not the kernels' business: what mutants put into a schedule.
inline constexpr const char* kMutantNothing = "mutant.nothing";
inline constexpr const char* kMutantScale = "mutant.scale";

/// Runs `steps` steps of a training schedule. `check` off is for schedules that are broken on purpose.
inline PlannedRun run_planned(const Schedule& schedule, const Model& model, const Dataset& data, const OracleSettings& settings,
                              Kernels kernels, bool check = true, double time_out_s = 60) {
  ComputeSettings compute_settings;
  compute_settings.kernels = kernels;
  compute_settings.seed = settings.seed;
  compute_settings.sgd = [&](std::int64_t) { return settings.sgd; };
  CpuCompute compute(model, data, schedule.world_size(), compute_settings);

  const std::vector<double> start = initial_weights(model, settings.seed);
  std::vector<RankMemory> memories(static_cast<std::size_t>(schedule.world_size()));
  const bool is_double = dtype_of(kernels) == DType::f64;
  for (int r = 0; r < schedule.world_size(); ++r) {
    RankMemory& memory = memories[static_cast<std::size_t>(r)];
    memory.bind(schedule.program(r));
    if (is_double)
      std::copy(start.begin(), start.end(), memory.persistent<double>("weights").begin());
    else
      std::transform(start.begin(), start.end(), memory.persistent<float>("weights").begin(),
                     [](double w) { return static_cast<float>(w); });
  }
  const ComputeFn function = [&](const ComputeCall& call) {
    if (call.op.name == kMutantNothing) return;
    if (call.op.name == kMutantScale) {
      const Region region = call.compute.operands.at(0).region;
      double* values = call.memory.at<double>(region);
      for (std::int64_t i = 0; i < region.slice.count; ++i) values[i] *= 0.5;
      return;
    }
    compute.run(call);
  };
  RunOptions options;
  options.check = check;
  options.poison = true;
  options.time_out_s = time_out_s;
  const Timeline timeline = run_on_threads(schedule, settings.steps, memories, function, options);

  PlannedRun run;
  run.breaches = check_timeline(schedule, settings.steps, timeline);
  for (const RankMemory& memory : memories) {
    std::vector<double>& mine = run.weights.emplace_back();
    if (is_double) {
      const auto weights = memory.persistent<double>("weights");
      mine.assign(weights.begin(), weights.end());
    } else {
      const auto weights = memory.persistent<float>("weights");
      mine.assign(weights.begin(), weights.end());
    }
  }
  return run;
}

/// Largest difference of a learned tensor over its largest value, over all tensors and ranks. NaN when anything is NaN.
inline double relative_difference(const Model& model, const std::vector<double>& expected, const PlannedRun& run) {
  double worst = 0;
  for (const std::vector<double>& weights : run.weights)
    for (const Parameter& parameter : parameters(model)) {
      double difference = 0;
      double largest = 0;
      for (std::int64_t i = parameter.offset; i < parameter.offset + parameter.shape.count(); ++i) {
        const auto at = static_cast<std::size_t>(i);
        if (!std::isfinite(weights[at])) return std::nan("");
        difference = std::max(difference, std::abs(weights[at] - expected[at]));
        largest = std::max(largest, std::abs(expected[at]));
      }
      worst = std::max(worst, difference / largest);
    }
  return worst;
}

}  // namespace convoy::tests
