/// What lessons train: a few steps of a small network under any plan, for comparing the weights with those of one rank.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "reference/data/synthetic.h"
#include "reference/exec/exec.h"
#include "reference/plans/plan.h"
#include "reference/train/cpu_compute.h"
#include "reference/train/weights.h"

namespace convoy::lesson {

/// The weights of the whole model, as in parameters(model), after `steps` steps under a plan: every rank is a thread, and the
/// kernels are the plain ones in double. The same images and the same start for every plan.
inline std::vector<double> weights_after(int steps, const Model& model, Plan plan) {
  plan.dtype = dtype_of(Kernels::naive_f64);
  const Schedule schedule = make_schedule(model, plan);
  const Dataset images =
      make_synthetic({.image = model.image, .classes = model.classes, .train_count = 40, .test_count = 1, .seed = 11}).train;
  ComputeSettings settings;
  settings.kernels = Kernels::naive_f64;
  settings.sgd = [](std::int64_t) { return cpu::SgdSettings{.learning_rate = 0.05, .momentum = 0.9, .weight_decay = 0}; };
  CpuCompute compute(model, images, schedule.world_size(), settings);
  ModelValues values = initial_values(model, 5);
  std::vector<RankMemory> memories(static_cast<std::size_t>(schedule.world_size()));
  for (int r = 0; r < schedule.world_size(); ++r) {
    RankMemory& memory = memories[static_cast<std::size_t>(r)];
    memory.bind(schedule.program(r));
    write_values(memory, "weights", local_weights(model, schedule, r, values.weights));
    write_values(memory, "running_statistics", local_states(model, schedule, r, values.states));
  }
  run_on_threads(schedule, steps, memories, compute.function());
  for (int r = schedule.world_size() - 1; r >= 0; --r)
    place_weights(model, schedule, r, read_values(memories[static_cast<std::size_t>(r)], "weights"), values.weights);
  return values.weights;
}

/// The largest difference of two lists of values, over the largest expected value. NaN when anything is NaN.
inline double relative_difference(const std::vector<double>& expected, const std::vector<double>& got) {
  require(expected.size() == got.size(), "relative_difference", "x has ", expected.size(), " values, y has ", got.size());
  double difference = 0;
  double largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!std::isfinite(expected[i]) || !std::isfinite(got[i])) return std::nan("");
    difference = std::max(difference, std::abs(got[i] - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return largest > 0 ? difference / largest : difference;
}

/// Different orders of adding up in double differ by a few 1e-16 of the largest value, in a few hundred additions by less than
/// this.
inline constexpr double kRounding = 1e-9;

/// "equal", or how far off in percent of the largest expected value.
inline std::string verdict(const std::vector<double>& expected, const std::vector<double>& got) {
  const double difference = relative_difference(expected, got);
  return difference <= kRounding ? "equal" : fmt::format("{:.1f} % off", 100 * difference);
}

}  // namespace convoy::lesson
