/// A schedule trained on the ranks of MPI, one of which is here, and what its values are compared with.
#pragma once

#include "reference/exec/mpi/run_on_mpi.h"
#include "tests/oracle/compare.h"

namespace convoy::tests {

/// What one rank has at the end, in the order of its buffers, weights before running statistics.
inline std::vector<double> values_of(const RankMemory& memory) {
  std::vector<double> values = read_values(memory, "weights");
  const std::vector<double> states = read_values(memory, "running_statistics");
  values.insert(values.end(), states.begin(), states.end());
  return values;
}

/// A run on MPI. Loss and correct answers are those of all ranks.
struct MpiRun {
  std::vector<std::vector<double>> of_ranks;  ///< on rank 0: values_of() every rank
  std::vector<double> totals;
  std::string miscounted;  ///< on rank 0: see counted.h
};

inline MpiRun run_here(MpiWorld& world, const Schedule& schedule, const Training& training) {
  ComputeSettings settings;
  settings.kernels = Kernels::naive_f64;
  settings.seed = training.settings.seed;
  settings.sgd = [&](std::int64_t) { return training.settings.sgd; };
  CpuCompute compute(training.model, training.data, schedule.world_size(), settings);
  RankMemory memory;
  memory.bind(schedule.program(world.rank()));
  const ModelValues start = initial_values(training.model, training.settings.seed);
  write_values(memory, "weights", local_weights(training.model, schedule, world.rank(), start.weights));
  write_values(memory, "running_statistics", local_states(training.model, schedule, world.rank(), start.states));
  MpiOptions options;
  options.run.poison = true;
  options.run.time_out_s = 600;
  const Timeline timeline = run_on_mpi(world, schedule, training.settings.steps, memory, compute.function(), options);
  const cpu::Loss loss = compute.totals();
  const std::vector<double> mine = values_of(memory);
  std::vector<std::vector<double>> of_ranks;
  for (int r = 0; r < world.size(); ++r) of_ranks.push_back(world.to_root(r, mine));
  return {std::move(of_ranks), world.sum({loss.loss_sum, static_cast<double>(loss.correct)}),
          world.rank() == 0 ? miscounted(training.model, schedule, training.settings.steps, timeline) : ""};
}

/// On rank 0: which rank has other bits than after a run on threads, which is returned in `threads`; "" when none has.
inline std::string difference_from_threads(const Schedule& schedule, const Training& training,
                                           const std::vector<std::vector<double>>& of_ranks, PlannedRun& threads) {
  std::vector<RankMemory> memories;
  threads = run_planned(schedule, training.model, training.data, training.settings, {}, &memories);
  for (std::size_t r = 0; r < memories.size(); ++r)
    if (values_of(memories[r]) != of_ranks[r]) return cat("rank ", r, " has other bits than on threads");
  return "";
}

/// On rank 0: how the values that all ranks have differ, bit by bit, from those of a run on threads, and the latter, to 1e-9, from
/// what is expected; "" when nowhere.
inline std::string difference(const Schedule& schedule, const Training& training, const ModelValues& expected,
                              const std::vector<std::vector<double>>& of_ranks) {
  PlannedRun threads;
  if (const std::string wrong = difference_from_threads(schedule, training, of_ranks, threads); !wrong.empty()) return wrong;
  if (!(relative_difference(training.model, expected.weights, threads) <= 1e-9)) return "weights differ from the serial run";
  if (!(relative_difference(states(training.model), expected.states, threads.values.states) <= 1e-9))
    return "running statistics differ from the serial run";
  return "";
}

}  // namespace convoy::tests
