/// Lesson 9, simulating a cluster you do not have: predictions beside what somebody measured there, and how far to believe them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "lessons/lesson.h"
#include "reference/core/units.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/timeline.h"
#include "simulator/cost/cost.h"
#include "simulator/cost/kernels.h"
#include "simulator/engine/simulate.h"

using namespace convoy;
using namespace convoy::lesson;

namespace {

// [measured]
/// ResNet-50 in fp32 with 96 images a GPU on ABCI (AIST, Japan), PyTorch 21.04 and Horovod 0.22: images a second, worked out from
/// the training time of 90 epochs, validation included. Source: github.com/aistabci/abci2.0benchmark, commit f0aa27f2fbbb.
struct Measured {
  int gpus;
  double images_per_s;
};
constexpr std::array<Measured, 6> kMeasured = {
    {{4, 1322.4}, {8, 2585.6}, {16, 5037.5}, {32, 9431.9}, {64, 18472.4}, {128, 34718.2}}};
constexpr int kImages = 96;  // of each GPU
// [/measured]

/// What is assumed about the machine, beside its file.
struct Assumptions {
  bool kernels = true;       ///< times of layers: what kernels reach; else the roofline
  double compute_times = 1;  ///< all of those, so many times as long
  double latency_times = 1;  ///< of all links
  double bandwidth_times = 1;
  bool overlap = true;
  Fidelity fidelity = Fidelity::flows;
};

// [predict]
/// Images a second of so many GPUs.
double predicted(int gpus, const Assumptions& assumed) {
  Cluster cluster = load_cluster("abci-v100");
  for (LinkModel* link : {&cluster.node_link, &cluster.nic, &cluster.pcie.link}) {
    link->latency_s *= assumed.latency_times;
    link->bandwidth_bytes_per_s *= assumed.bandwidth_times;
  }
  const Model model = make_resnet50();
  const Gpu& gpu = *find_gpu(cluster.device.name);
  const CostModel base =
      assumed.kernels ? kernel_costs(model, kernel_machine(cluster.device, gpu, "fp32")) : roofline(cluster.device, "fp32");
  CostModel cost = base;
  cost.compute_s = [&](const Program& program, const Op& op, const Compute& compute) {
    return assumed.compute_times * base.compute_s(program, op, compute);
  };
  Plan plan = make_plan("data", {.ranks = gpus, .global_batch = gpus * kImages});
  plan.overlap = assumed.overlap;
  const Schedule schedule = make_schedule(model, plan);
  const Timeline timeline = simulate(schedule, 3, cluster, cost, {.fidelity = assumed.fidelity});
  return gpus * kImages / step_times(schedule, timeline, 1).step_time_s;
}
// [/predict]

std::string signed_percent(double ratio) { return fmt::format("{:+.0f} %", 100 * (ratio - 1)); }

void beside(Values& values) {
  std::string table = "GPUs   measured   roofline    error    kernels    error\n";
  for (const Measured& row : kMeasured) {
    const double roofline = predicted(row.gpus, {.kernels = false}), kernels = predicted(row.gpus, {});
    table += fmt::format("{:>4} {:>10.0f} {:>10.0f} {:>8} {:>10.0f} {:>8}\n", row.gpus, row.images_per_s, roofline,
                         signed_percent(roofline / row.images_per_s), kernels, signed_percent(kernels / row.images_per_s));
  }
  values.block("beside", table);
}

// [scaling]
/// Of the speed of four GPUs, times the number of fours, how much is left.
double efficiency(double images_per_s, int gpus, double of_four) { return images_per_s / of_four / (gpus / 4); }
// [/scaling]

void scaling(Values& values) {
  std::string table = "GPUs   measured   roofline   kernels   by formula\n";
  const double measured = kMeasured[0].images_per_s;
  const std::array<Assumptions, 3> ways = {{{.kernels = false}, {}, {.fidelity = Fidelity::formula}}};
  for (const Measured& row : kMeasured) {
    table += fmt::format("{:>4} {:>8.1f} %", row.gpus, 100 * efficiency(row.images_per_s, row.gpus, measured));
    for (const Assumptions& way : ways)
      table += fmt::format(" {:>8.1f} %", 100 * efficiency(predicted(row.gpus, way), row.gpus, predicted(4, way)));
    table += "\n";
  }
  values.block("scaling", table);
}

// [doubts]
/// One assumption at a time, changed by as much as it may be wrong.
const std::vector<std::pair<std::string, Assumptions>> kDoubts = {
    {"as assumed", {}},
    {"computing takes a quarter longer", {.compute_times = 1.25}},
    {"latencies are three times as long", {.latency_times = 3}},
    {"links have half of their bandwidth", {.bandwidth_times = 0.5}},
    {"nothing overlaps", {.overlap = false}}};
// [/doubts]

void doubts(Values& values) {
  const double as_assumed = predicted(128, {});
  std::string table = fmt::format("{:<36} images/s   change\n", "128 GPUs");
  for (const auto& [name, assumed] : kDoubts) {
    const double here = predicted(128, assumed);
    table += fmt::format("{:<36} {:>8.0f} {:>8}\n", name, here, signed_percent(here / as_assumed));
  }
  values.block("doubts", table);
}

void lesson_9(Values& values) {
  values.value("most", cat(kMeasured.back().gpus));
  values.value("images", cat(kImages));
  const double per_gpu = predicted(1, {});
  values.value("one", fmt::format("{:.0f}", per_gpu));
  beside(values);
  scaling(values);
  doubts(values);
}

}  // namespace

int main(int argc, char** argv) { return lesson::run(argc, argv, lesson_9); }
