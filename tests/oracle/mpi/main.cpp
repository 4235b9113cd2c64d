/// The program that mpirun starts on every rank: each plan for as many ranks as there are, with three models. Three steps in
/// double equal the serial run to 1e-9 and the run on threads bit for bit, on every rank. Then parameter servers: servers.cpp.
#include <cstdio>

#include "reference/exec/mpi/run_on_mpi.h"
#include "tests/oracle/compare.h"
#include "tests/oracle/models.h"
#include "tests/oracle/mpi/tally.h"
#include "tests/oracle/plan_cases.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

constexpr int kSteps = 3;

/// What one rank has at the end, in the order of its buffers, weights before running statistics.
std::vector<double> values_of(const RankMemory& memory) {
  std::vector<double> values = read_values(memory, "weights");
  const std::vector<double> states = read_values(memory, "running_statistics");
  values.insert(values.end(), states.begin(), states.end());
  return values;
}

/// This rank's part of a run. Loss and correct answers are those of all ranks.
struct MpiRun {
  std::vector<double> mine;
  std::vector<double> totals;
  std::string miscounted;  ///< on rank 0: see counted.h
};

MpiRun run_here(MpiWorld& world, const Schedule& schedule, const Training& training) {
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
  options.run.time_out_s = 30;
  const Timeline timeline = run_on_mpi(world, schedule, training.settings.steps, memory, compute.function(), options);
  const cpu::Loss loss = compute.totals();
  return {values_of(memory), world.sum({loss.loss_sum, static_cast<double>(loss.correct)}),
          world.rank() == 0 ? miscounted(training.model, schedule, training.settings.steps, timeline) : ""};
}

/// On rank 0: what is wrong with what all ranks have; empty when nothing is.
std::string compare(const Schedule& schedule, const Plan& plan, const Training& training,
                    const std::vector<std::vector<double>>& of_ranks, const std::vector<double>& totals) {
  std::vector<RankMemory> memories;
  const PlannedRun threads = run_planned(schedule, training.model, training.data, training.settings, {}, &memories);
  for (std::size_t r = 0; r < memories.size(); ++r)
    if (values_of(memories[r]) != of_ranks[r]) return cat("rank ", r, " has other bits than on threads");
  // The values are those of the run on threads, so the comparison with the serial run is that of its values.
  const Expected expected = expected_of(training, plan, schedule);
  if (!(relative_difference(training.model, expected.values.weights, threads) <= 1e-9))
    return "weights differ from the serial run";
  if (!(relative_difference(states(training.model), expected.values.states, threads.values.states) <= 1e-9))
    return "running statistics differ from the serial run";
  if (!(std::abs(totals.at(0) - expected.totals.loss_sum) <= 1e-9 * expected.totals.loss_sum)) return "the loss differs";
  if (totals.at(1) != expected.totals.correct) return "other answers are correct";
  return "";
}

void check(MpiWorld& world, const Model& model, const PlanCase& c, bool overlap, Tally& tally) {
  Plan plan = c.plan;
  plan.dtype = DType::f64;
  plan.bucket_bytes = 1500;
  plan.overlap = overlap;
  // Of a micro-batch over all data ranks they are of images that are no run of the batch, which the oracle does not know.
  plan.synchronised_statistics = !overlap && !(pipeline_axis(plan) >= 0 && plan.batch_axis >= 0);
  Schedule schedule;
  try {
    schedule = make_schedule(model, plan);
  } catch (const InputError&) {
    return;  // on all ranks alike; plans_test.cpp says which
  }
  if (loads_pieces(plan)) plan.synchronised_statistics = true;
  if (loads_pieces(plan)) schedule = make_schedule(model, plan);
  const Training training = training_of(model, plan.global_batch, kSteps);
  const MpiRun run = run_here(world, schedule, training);
  std::vector<std::vector<double>> of_ranks;
  for (int r = 0; r < world.size(); ++r) of_ranks.push_back(world.to_root(r, run.mine));
  if (world.rank() != 0) return;
  std::string wrong = compare(schedule, plan, training, of_ranks, run.totals);
  if (wrong.empty()) wrong = run.miscounted;
  tally.note(cat(model.name, ", ", c.label, ", overlap ", overlap), wrong);
}

}  // namespace

int main(int argc, char** argv) {
  MpiWorld world(&argc, &argv);
  world.set_time_out_s(30);
  Tally tally;
  try {
    if (world.size() > 2)
      for (const PlanCase& c : algorithm_cases(world.size())) check(world, small_lenet(), c, true, tally);
    for (const Model& model : {small_lenet(), short_resnet(), branches()}) {
      bool overlap = true;
      for (const PlanCase& c : all_cases()) {
        if (c.plan.mesh.world_size() != world.size()) continue;
        check(world, model, c, overlap, tally);
        overlap = !overlap;
      }
    }
    check_servers(world, tally);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rank %d: %s\n", world.rank(), error.what());
    world.abort(1);
  }
  // Every plan of the table, with three batches and three models, less what is refused.
  constexpr int kLeast = 60;
  if (world.rank() == 0) std::printf("%d ranks: %d plans compared, %d failed\n", world.size(), tally.compared, tally.failed);
  const bool right = world.rank() != 0 || (tally.failed == 0 && tally.compared >= kLeast);
  return world.sum({right ? 0.0 : 1.0}).at(0) == 0 ? 0 : 1;
}
