/// Lesson 10, pipelines: what the order of micro-batches changes, the bubble or the memory, and what travels.
#include <fmt/format.h>

#include <algorithm>

#include "lessons/lesson.h"
#include "reference/core/units.h"
#include "reference/model/zoo.h"
#include "reference/plans/stages.h"
#include "reference/plans/volume.h"
#include "reference/schedule/memory.h"
#include "simulator/engine/simulate.h"

using namespace convoy;
using namespace convoy::lesson;

namespace {

// [settings]
constexpr int kRanks = 4;
constexpr int kBatch = 64;
constexpr double kFlops_per_s = 10e12;  // of a device, for all layers
constexpr LinkModel kLink{.latency_s = 10 * us, .bandwidth_bytes_per_s = 12 * GB};
// [/settings]

/// One device a node, all on one switch.
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

/// Both orders, drawn with stages that all take as long.
void orders(Values& values) {
  // [grid]
  const PipelineShape shape{.ranks = 3, .stages_per_rank = 1, .micro_batches = 4};
  const auto draw = [&](const char* name) { return grid_text(pipeline_order(name).make(shape), shape); };
  // [/grid]
  values.block("gpipe", draw("gpipe"));
  values.block("1f1b", draw("1f1b"));
}

// [bubble]
/// The part of a step in which ranks stand idle: by the order's formula for equal stages, and of VGG-16 with stages that are not.
struct Bubble {
  double formula = 0;
  double simulated = 0;
  double step_ms = 0;
};

/// FLOPs of a node for one image, forward and backward: what the ranks of this lesson take time for.
double flops_of(const Model& net, int node) {
  double flops = 0;
  for (const Pass pass : {Pass::forward, Pass::backward_input, Pass::backward_weights})
    flops += work_of(net, node, 1, pass, DType::f32).flops;
  return flops;
}

Plan plan_of(const std::string& order, int stages_per_rank, int micro_batches) {
  Plan plan = make_plan("pipeline", {.ranks = kRanks, .global_batch = kBatch});
  plan.pipeline = {.micro_batches = micro_batches, .order = order, .stages_per_rank = stages_per_rank};
  const Model net = make_vgg16();
  return with_cuts(plan, net, [&](int node) { return flops_of(net, node); });
}

Bubble bubble_of(const Plan& plan) {
  const Schedule schedule = make_schedule(make_vgg16(), plan);
  const StepTimes times = step_times(schedule, simulate(schedule, 2, cluster(), cost()), 1);
  return {.formula = pipeline_order(plan.pipeline.order).bubble(pipeline_shape(plan)),
          .simulated = 1 - times.compute_s / times.mean_step_time_s,
          .step_ms = times.step_time_s / ms};
}
// [/bubble]

void bubbles(Values& values) {
  std::string table = "micro-batches   order         bubble by formula   simulated VGG-16       step\n";
  for (const int micro_batches : {1, 4, 8, 16, 32})
    for (const auto& [order, stages] : {std::pair{"1f1b", 1}, {"interleaved", 2}}) {
      if (micro_batches % kRanks != 0 && stages > 1) continue;
      const Bubble b = bubble_of(plan_of(order, stages, micro_batches));
      table += fmt::format("{:>13}   {:<11} {:>17.1f} % {:>16.1f} % {:>7.1f} ms\n", micro_batches, order, 100 * b.formula,
                           100 * b.simulated, b.step_ms);
      if (micro_batches == 32 && stages == 1) values.value("left", fmt::format("{:.0f}", 100 * b.simulated));
    }
  values.block("bubbles", table);
}

/// The arena in which the first rank runs, without weights and what belongs to them.
double activations_mb(const Plan& plan) {
  const Schedule schedule = make_schedule(make_vgg16(), plan);
  const MemoryPlan memory = plan_memory(schedule.program(0));
  return static_cast<double>(memory.total_bytes - memory.persistent_bytes) / 1e6;
}

void memory(Values& values) {
  std::string table = "micro-batches      gpipe       1f1b   gpipe, recomputed\n";
  for (const int micro_batches : {4, 8, 16, 32}) {
    Plan again = plan_of("gpipe", 1, micro_batches);
    again.pipeline.recompute = {0, 1, 2, 3};
    table += fmt::format("{:>13} {:>7.0f} MB {:>7.0f} MB {:>16.0f} MB\n", micro_batches,
                         activations_mb(plan_of("gpipe", 1, micro_batches)), activations_mb(plan_of("1f1b", 1, micro_batches)),
                         activations_mb(again));
  }
  values.block("memory", table);
}

// [traffic]
/// What the rank sends that sends most.
double sent_mb(const Plan& plan) {
  const Model net = make_vgg16();
  std::vector<double> sent(kRanks, 0);
  for (const Communication& each : communications(net, make_schedule(net, plan)))
    for (std::size_t rank = 0; rank < sent.size(); ++rank) sent[rank] += static_cast<double>(each.sent_bytes[rank]);
  return *std::max_element(sent.begin(), sent.end()) / 1e6;
}
// [/traffic]

void traffic(Values& values) {
  const Plan pipeline = plan_of("1f1b", 1, 16);
  std::string cuts;
  for (std::size_t stage = 1; stage < kRanks; ++stage)
    cuts += fmt::format("stage {} begins with {}\n", stage, pipeline.pipeline.cuts[stage - 1]);
  values.block("cuts", cuts);
  values.value("pipeline_mb", fmt::format("{:.0f}", sent_mb(pipeline)));
  values.value("data_mb", fmt::format("{:.0f}", sent_mb(make_plan("data", {.ranks = kRanks, .global_batch = kBatch}))));
}

void lesson_10(Values& values) {
  values.value("ranks", cat(kRanks));
  values.value("batch", cat(kBatch));
  orders(values);
  bubbles(values);
  memory(values);
  traffic(values);
}

}  // namespace

int main(int argc, char** argv) { return lesson::run(argc, argv, lesson_10); }
