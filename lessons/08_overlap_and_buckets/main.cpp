/// Lesson 8, overlap and buckets: when gradients travel while others are still being computed, and in which portions.
#include <fmt/format.h>

#include <algorithm>

#include "lessons/lesson.h"
#include "reference/core/units.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/timeline.h"
#include "simulator/engine/simulate.h"
#include "simulator/report/gantt.h"

using namespace convoy;
using namespace convoy::lesson;

namespace {

// [settings]
constexpr int kRanks = 8;
constexpr double kFlops_per_s = 10e12;  // of a device, for all layers
constexpr LinkModel kLink{.latency_s = 100 * us, .bandwidth_bytes_per_s = 12 * GB};
constexpr std::int64_t kMiB = 1 << 20;
// [/settings]

// [cluster]
/// One device a node, all on one switch. An op takes its FLOPs at the device's rate, so that everything can be checked by hand.
Cluster cluster() {
  Cluster made{.name = "by hand", .nodes = kRanks, .devices_per_node = 1};
  made.device.name = "device";
  made.device.peak_flops_per_s["fp32"] = kFlops_per_s;
  made.nic = kLink;
  return made;
}

CostModel cost() {
  return {.compute_s = [](const Program&, const Op&, const Compute& op) { return op.work.flops / kFlops_per_s; },
          .receive_s = {}};
}
// [/cluster]

struct Step {
  Schedule schedule;
  Timeline timeline;
  StepTimes times;
};

// [step]
/// A data-parallel step of VGG-16 with 16 images a rank.
Step step(bool overlap, std::int64_t bucket_bytes) {
  Plan plan = make_plan("data", {.ranks = kRanks, .global_batch = 16 * kRanks});
  plan.overlap = overlap;
  plan.bucket_bytes = bucket_bytes;
  Schedule schedule = make_schedule(make_vgg16(), plan);
  Timeline timeline = simulate(schedule, 2, cluster(), cost());
  const StepTimes times = step_times(schedule, timeline, 1);
  return {std::move(schedule), std::move(timeline), times};
}
// [/step]

double phase_ms(const Step& s, Phase phase) { return s.times.phase_s[static_cast<int>(phase)] / ms; }

/// Where the weights of VGG-16 are, and when the backward pass has their gradients.
void where(Values& values) {
  const Model net = make_vgg16();
  const Step s = step(true, 25 * kMiB);
  double total = 0;
  double backward = 0;
  for (std::size_t node = 0; node < net.nodes.size(); ++node)
    for (const Pass pass : {Pass::backward_input, Pass::backward_weights})
      backward += work_of(net, static_cast<int>(node), 16, pass, DType::f32).flops;
  std::string table = "layer     gradient   ready after this part of the backward pass\n";
  double done = 0;
  for (int node = static_cast<int>(net.nodes.size()) - 1; node >= 0; --node) {
    const Node& here = net.nodes[static_cast<std::size_t>(node)];
    for (const Pass pass : {Pass::backward_input, Pass::backward_weights}) done += work_of(net, node, 16, pass, DType::f32).flops;
    double bytes = 0;
    for (const ParameterShape& parameter : parameter_shapes(here.layer, input_shape(net, node, 1)))
      bytes += 4.0 * static_cast<double>(parameter.shape.count());
    total += bytes;
    if (bytes > 0) table += fmt::format("{:<8} {:>7.1f} MB {:>18.1f} %\n", here.name, bytes / 1e6, 100 * done / backward);
  }
  values.block("where", table);
  values.value("gradient_mb", fmt::format("{:.0f}", total / 1e6));
}

void overlap(Values& values) {
  for (const bool on : {false, true}) {
    const Step s = step(on, 25 * kMiB);
    values.block(on ? "on" : "off", gantt(s.schedule, s.timeline, {.iteration = 1, .max_ranks = 1}));
    const std::string name = on ? "on_" : "off_";
    values.value(name + "step", fmt::format("{:.0f}", s.times.step_time_s / ms));
    values.value(name + "exposed", fmt::format("{:.0f}", s.times.exposed_communication_s / ms));
    values.value(name + "hidden", fmt::format("{:.0f}", s.times.hidden_communication_s / ms));
  }
}

// [bound]
/// No way of overlapping can beat this: computing and communicating both have to be done, and the last gradients cannot be sent
/// before the backward pass has ended.
double least_ms(const Step& s) {
  return std::max(s.times.compute_s / ms, phase_ms(s, Phase::forward) + phase_ms(s, Phase::all_reduce));
}
// [/bound]

void buckets(Values& values) {
  std::string table = "bucket       all-reduces   all-reduce   exposed     step   images/s\n";
  const auto row = [&](const std::string& name, std::int64_t bytes, bool on) {
    const Step s = step(on, bytes);
    const std::vector<Op>& ops = s.schedule.program(0).ops;
    const auto count =
        std::count_if(ops.begin(), ops.end(), [](const Op& op) { return std::holds_alternative<Collective>(op.action); });
    table +=
        fmt::format("{:<12} {:>11} {:>9.1f} ms {:>6.1f} ms {:>5.1f} ms {:>9.0f}\n", name, count, phase_ms(s, Phase::all_reduce),
                    s.times.exposed_communication_s / ms, s.times.step_time_s / ms, 16 * kRanks / s.times.step_time_s);
    return s;
  };
  for (const std::int64_t kib : {64, 1024, 4096, 25 * 1024, 100 * 1024})
    row(kib < 1024 ? fmt::format("{} KiB", kib) : fmt::format("{} MiB", kib / 1024), kib * 1024, true);
  row("all at once", 1024 * kMiB, true);
  row("no overlap", 25 * kMiB, false);
  values.block("buckets", table);
  values.value("bound", fmt::format("{:.0f}", least_ms(step(true, 25 * kMiB))));
}

void lesson_8(Values& values) {
  values.value("ranks", cat(kRanks));
  where(values);
  overlap(values);
  buckets(values);
}

}  // namespace

int main(int argc, char** argv) { return lesson::run(argc, argv, lesson_8); }
