/// What a step of ResNet-20 with 64 images takes when it is spread in different ways, as ratios measured in one run:
///
///   bench_resnet20_step [rounds]
///
/// In every round each way takes some steps, one way after the other, so that a disturbance meets all of them; medians over
/// rounds. Overhead of the schedule: the same program without images (every op runs and has nothing to do) against the step.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <vector>

#include "reference/data/synthetic.h"
#include "reference/exec/exec.h"
#include "reference/model/zoo.h"
#include "reference/train/trainer.h"

using namespace convoy;

namespace {

constexpr int kBatch = 64;
constexpr int kSteps = 3;

/// One way to spread the step, ready to run.
class Way {
 public:
  Way(const Model& model, const Dataset& data, const Plan& plan, int threads)
      : schedule_(make_schedule(model, plan)),
        threads_(threads),
        compute_(model, data, schedule_.world_size(), {}),
        memories_(static_cast<std::size_t>(schedule_.world_size())) {
    const ModelValues start = initial_values(model, 1);
    for (int r = 0; r < schedule_.world_size(); ++r) {
      RankMemory& memory = memories_[static_cast<std::size_t>(r)];
      memory.bind(schedule_.program(r));
      write_values(memory, "weights", local_weights(model, schedule_, r, start.weights));
      write_values(memory, "running_statistics", local_states(model, schedule_, r, start.states));
    }
    run(1);
  }
  /// Seconds a step, over `steps` of them.
  double run(int steps) {
    const auto start = std::chrono::steady_clock::now();
    run_on_threads(schedule_, steps, memories_, compute_.function(), run_options(threads_, true));
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / steps;
  }

 private:
  Schedule schedule_;
  int threads_;
  CpuCompute compute_;
  std::vector<RankMemory> memories_;
};

Plan data_plan_of(int ranks, bool overlap) {
  Plan plan = make_plan("data", {.ranks = ranks, .global_batch = kBatch});
  plan.overlap = overlap;
  plan.bucket_bytes = 256 * 1024;  // several buckets, so that there is something to overlap
  return plan;
}

/// Of two ranks that share one image the first has none: its program is the step without any work but that on weights.
double empty_step_s(const Model& model, const Dataset& data) {
  Plan plan = make_plan("data", {.ranks = 2, .global_batch = 1});
  Schedule schedule = make_schedule(model, plan);
  Schedule alone = schedule;
  alone.mesh.axes[0].extent = 1;
  alone.class_of = {schedule.class_of.at(0)};
  alone.global_batch = 0;
  for (Op& op : alone.programs[static_cast<std::size_t>(alone.class_of[0])].ops)
    if (std::holds_alternative<Collective>(op.action)) op.action = Compute{ComputeKind::join, -1, {}, {}};
  std::vector<RankMemory> memories(1);
  CpuCompute compute(model, data, 1, {});
  RunOptions options = run_options(1, true);
  options.check = false;  // no gradients are summed
  const int steps = 200;
  run_on_threads(alone, 10, memories, compute.function(), options);
  const auto start = std::chrono::steady_clock::now();
  run_on_threads(alone, steps, memories, compute.function(), options);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / steps;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 7;
  const Model model = make_model("resnet20");
  const Dataset data =
      make_synthetic({.image = model.image, .classes = model.classes, .train_count = 512, .test_count = 1}).train;
  std::deque<Way> ways;
  ways.emplace_back(model, data, data_plan_of(2, true), 1);
  ways.emplace_back(model, data, data_plan_of(2, false), 1);
  ways.emplace_back(model, data, data_plan_of(1, true), 2);
  ways.emplace_back(model, data, data_plan_of(1, true), 1);
  std::vector<std::vector<double>> times(ways.size());
  for (int round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < ways.size(); ++i) times[i].push_back(ways[i].run(kSteps));
  const char* names[] = {"data, 2 ranks x 1 thread", "the same without overlap", "1 rank x 2 threads", "1 rank x 1 thread"};
  fmt::print("ResNet-20, {} images a step, median of {} rounds of {} steps\n", kBatch, rounds, kSteps);
  std::vector<double> medians;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    medians.push_back(median(times[i]));
    fmt::print("  {:<26} {:8.2f} ms\n", names[i], 1e3 * medians[i]);
  }
  const double empty = empty_step_s(model, data);
  fmt::print("  {:<26} {:8.2f} ms\n", "no images, 1 thread", 1e3 * empty);
  fmt::print("1 rank x 2 threads / 2 ranks x 1 thread   {:.3f}  (goal: 1 or more)\n", medians[2] / medians[0]);
  fmt::print("without overlap / with overlap            {:.3f}  (goal: not below 1 beyond noise)\n", medians[1] / medians[0]);
  fmt::print("schedule overhead                         {:.3f}% (goal: below 2%)\n", 100 * empty / medians[3]);
  return 0;
}
