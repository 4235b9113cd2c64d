/// Lesson 1, the tour: one schedule, run by threads on a real clock and by the simulator on a simulated one.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lessons/lesson.h"
#include "reference/core/units.h"
#include "reference/data/synthetic.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/train/trainer.h"
#include "simulator/cost/cost.h"
#include "simulator/engine/simulate.h"
#include "simulator/report/gantt.h"

using namespace convoy;
using convoy::lesson::Values;
using convoy::lesson::with_commas;

namespace {

// [settings]
constexpr int kImagesPerRank = 32;
constexpr int kDrawnRanks = 8;                   // in the pictures of one step
constexpr std::int64_t kBucket_bytes = 8 << 10;  // gradients are sent as soon as this many have come together
// [/settings]
constexpr std::int64_t kOneBucket_bytes = 1 << 20;  // all of LeNet-5 fits into it

// [make]
/// Data parallelism: every rank has the whole network and works on images of its own.
Plan data_parallel(int ranks, bool overlap, std::int64_t bucket_bytes) {
  Plan plan = make_plan("data", {.ranks = ranks, .global_batch = kImagesPerRank * ranks});
  plan.overlap = overlap;
  plan.bucket_bytes = bucket_bytes;
  return plan;
}

Schedule lenet5_step(int ranks, bool overlap = true, std::int64_t bucket_bytes = kBucket_bytes) {
  return make_schedule(make_lenet5(), data_parallel(ranks, overlap, bucket_bytes));
}
// [/make]

// [simulate]
struct Simulated {
  Timeline timeline;
  StepTimes times;
};

/// Three steps of a schedule on a cluster that exists only as a file. The first warms up and does not count.
Simulated simulated(const Schedule& schedule, const Cluster& cluster) {
  const CostModel cost = roofline(cluster.device, schedule.precision);
  Timeline timeline = simulate(schedule, 3, cluster, cost);
  const StepTimes times = step_times(schedule, timeline, 1);
  return {std::move(timeline), times};
}
// [/simulate]

/// The ops of a rank from the backward pass on, one a line.
std::string ops_of(const Schedule& schedule, int rank) {
  const std::vector<Op>& ops = schedule.program(rank).ops;
  const auto backward = std::find_if(ops.begin(), ops.end(), [](const Op& op) { return phase_of(op) == Phase::backward; });
  std::string text;
  for (auto op = backward; op != ops.end(); ++op) {
    text += fmt::format("op {}   stream {}   {}", op - ops.begin(), op->stream, op->name);
    for (const int earlier : op->after) text += fmt::format("   after op {}", earlier);
    text += "\n";
  }
  return text;
}

/// Runs the schedule with data, a few threads of this machine being the ranks.
void run_for_real(Values& values) {
  // [train]
  const TrainingData images = make_synthetic({});
  const Plan plan = data_parallel(2, true, kBucket_bytes);
  const TrainSettings settings{.epochs = 2, .sgd = {.learning_rate = 0.01, .momentum = 0.9, .weight_decay = 0}};
  const TrainResult result = train(make_lenet5(), plan, images, settings);
  require(result.schedule == lenet5_step(2), "lesson 1", "training has run another schedule than the simulator");
  // [/train]
  const Simulated model = simulated(result.schedule, load_cluster("two-core-machine"));
  const std::string loss = values.value("first_loss", fmt::format("{:.2f}", result.epochs.front().train_loss));
  const std::string last_loss = values.value("last_loss", fmt::format("{:.3f}", result.epochs.back().train_loss));
  const std::string measured_ms = values.value("measured_ms", fmt::format("{:.2f}", result.times.step_time_s / ms));
  const std::string simulated_ms = values.value("simulated_ms", fmt::format("{:.2f}", model.times.step_time_s / ms));
  fmt::print("\ntwo ranks, trained on synthetic images: mean loss {} in epoch 1, {} in epoch 2\n", loss, last_loss);
  fmt::print("one step: {} ms on this machine, {} ms on the simulated two-core-machine\n\n", measured_ms, simulated_ms);
}

/// One simulated step with all communication after the backward pass, and one with communication during it.
void draw_overlap(Values& values, const Cluster& cluster) {
  for (const bool overlap : {false, true}) {
    const Schedule schedule = lenet5_step(kDrawnRanks, overlap);
    const Simulated step = simulated(schedule, cluster);
    const std::string name = overlap ? "overlap" : "no_overlap";
    values.block(name, gantt(schedule, step.timeline, {.iteration = 2, .max_ranks = 1}));
    values.value(name + "_us", fmt::format("{:.0f}", step.times.step_time_s / us));
    values.value(name + "_exposed_us", fmt::format("{:.0f}", step.times.exposed_communication_s / us));
  }
  for (const std::int64_t bucket : {64L << 10, kOneBucket_bytes})
    values.value(cat("bucket_", bucket >> 10, "_us"),
                 fmt::format("{:.0f}", simulated(lenet5_step(kDrawnRanks, true, bucket), cluster).times.step_time_s / us));
}

// [ring]
/// Time of a ring all-reduce on n ranks: 2(n-1) rounds, and each moves one n-th of the buffer.
double ring_time_s(int n, double bytes, const LinkModel& link) {
  return 2 * (n - 1) * (link.latency_s + bytes / (n * link.bandwidth_bytes_per_s));
}
// [/ring]

/// How the all-reduce grows with the ranks, by formula and simulated, beside the backward pass that might hide it.
void grow(Values& values, const Cluster& cluster, double bytes) {
  std::string table = "ranks   all-reduce: formula   simulated   backward\n";
  double difference = 0;
  int crossing = 0;
  for (int n = 2; n <= 64; n *= 2) {
    const StepTimes times = simulated(lenet5_step(n, true, kOneBucket_bytes), cluster).times;
    const double formula_s = ring_time_s(n, bytes, cluster.link(0, 1));
    const double all_reduce_s = times.phase_s[static_cast<int>(Phase::all_reduce)];
    const double backward_s = times.phase_s[static_cast<int>(Phase::backward)];
    difference = std::max(difference, std::abs(all_reduce_s / formula_s - 1));
    if (crossing == 0 && all_reduce_s > backward_s) crossing = n;
    table += fmt::format("{:>5} {:>18.1f} us {:>8.1f} us {:>7.1f} us\n", n, formula_s / us, all_reduce_s / us, backward_s / us);
  }
  values.block("growth", table);
  values.value("crossing", cat(crossing));
  values.value("difference_percent", fmt::format("{:.2f}", 100 * difference));
}

void tour(Values& values) {
  const Cluster cluster = load_cluster("flat-100gbit");
  const std::int64_t parameters = parameter_count(make_lenet5());
  values.value("parameters", with_commas(parameters));
  values.value("gradient_bytes", with_commas(4 * parameters));
  values.value("images_per_rank", cat(kImagesPerRank));
  values.value("drawn_ranks", cat(kDrawnRanks));
  values.block("ops", ops_of(lenet5_step(2), 0));
  run_for_real(values);
  draw_overlap(values, cluster);
  grow(values, cluster, 4.0 * static_cast<double>(parameters));
}

}  // namespace

int main(int argc, char** argv) { return lesson::run(argc, argv, tour); }
