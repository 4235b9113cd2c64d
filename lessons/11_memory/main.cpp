/// Lesson 11, memory: what a rank keeps and why, and four ways to keep less of it with what each of them costs.
#include <fmt/format.h>

#include <algorithm>

#include "lessons/lesson.h"
#include "lessons/traffic.h"
#include "reference/core/units.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/memory.h"

using namespace convoy;
using namespace convoy::lesson;

namespace {

// [settings]
constexpr int kRanks = 8;
constexpr int kImages = 32;                             // of each rank
constexpr std::int64_t kBucketBytes = 8 * 1024 * 1024;  // so that ResNet-50 has many buckets
// [/settings]

std::string mb(std::int64_t bytes) { return fmt::format("{:.0f}", static_cast<double>(bytes) / 1e6); }

// [account]
/// What is alive in rank 0 at the moment when most is, by what it is for.
struct Account {
  std::int64_t weights = 0, gradients = 0, momentum = 0, activations = 0, workspace = 0;
  std::int64_t needed = 0;  ///< of the arena in which all buffers lie
};

Account account_of(const Schedule& schedule) {
  const Memory memory = memory_of(schedule.program(0));
  const auto of = [&](BufferKind kind) { return memory.bytes_of_kind.at(static_cast<std::size_t>(kind)); };
  return {.weights = of(BufferKind::weights),
          .gradients = of(BufferKind::gradients),
          .momentum = of(BufferKind::optimizer),
          .activations = of(BufferKind::input) + of(BufferKind::activation) + of(BufferKind::activation_gradient),
          .workspace = of(BufferKind::workspace),
          .needed = memory.arena_bytes};
}
// [/account]

Plan data_plan_of(int images) {
  Plan plan = make_plan("data", {.ranks = kRanks, .global_batch = images * kRanks});
  plan.bucket_bytes = kBucketBytes;
  return plan;
}

std::string heading(const char* what) {
  return fmt::format("{:<14} {:>8} {:>10} {:>9} {:>12} {:>7}", what, "weights", "gradients", "momentum", "activations", "needed");
}

std::string row(const std::string& what, const Account& a) {
  return fmt::format("{:<14} {:>8} {:>10} {:>9} {:>12} {:>7}", what, mb(a.weights), mb(a.gradients), mb(a.momentum),
                     mb(a.activations), mb(a.needed));
}

/// What grows with the images, and what keeping it for the backward pass costs.
void images(Values& values) {
  const Model net = make_resnet50();
  std::string table = heading("images") + "   forward only\n";
  for (const int count : {1, 8, 16, 32, 64}) {
    const Account training = account_of(make_schedule(net, data_plan_of(count)));
    const Account forward = account_of(make_schedule(net, data_plan_of(count), Mode::evaluate));
    table += row(cat(count), training) + fmt::format(" {:>14}\n", mb(forward.needed));
    if (count != kImages) continue;
    values.value("activations_share",
                 fmt::format("{:.0f}", 100.0 * static_cast<double>(training.activations) / static_cast<double>(training.needed)));
  }
  values.block("images", table);
}

// [accumulate]
void accumulate(Values& values) {
  std::string table = heading("parts") + "\n";
  for (const int parts : {1, 2, 4, 8}) {
    Plan plan = data_plan_of(kImages);
    plan.accumulate = parts;
    table += row(cat(parts), account_of(make_schedule(make_resnet50(), plan))) + "\n";
  }
  values.block("accumulate", table);
}
// [/accumulate]

// [recompute]
/// FLOPs of all ranks in a step.
double flops_of(const Schedule& schedule) {
  double flops = 0;
  for (int rank = 0; rank < schedule.world_size(); ++rank)
    for (const Op& op : schedule.program(rank).ops)
      if (const auto* compute = std::get_if<Compute>(&op.action)) flops += compute->work.flops;
  return flops;
}

Schedule pipeline_of(bool recompute) {
  Plan plan = make_plan("pipeline", {.ranks = 2, .global_batch = 2 * kImages});
  plan.pipeline = {.micro_batches = 8, .order = "gpipe"};
  if (recompute) plan.pipeline.recompute = {0, 1};  // these stages
  return make_schedule(make_resnet50(), plan);
}
// [/recompute]

void recompute(Values& values) {
  std::string table = heading("a pipeline") + "     FLOPs\n";
  double before = 0;
  for (const bool again : {false, true}) {
    const Schedule schedule = pipeline_of(again);
    const double flops = flops_of(schedule);
    table += row(again ? "recomputed" : "kept", account_of(schedule)) + fmt::format(" {:>7.0f} G\n", flops / 1e9);
    if (again) values.value("more_flops", fmt::format("{:.0f}", 100 * (flops / before - 1)));
    before = flops;
  }
  values.block("recompute", table);
}

// [zero]
void zero(Values& values) {
  std::string table = heading("ZeRO stage") + "      sent\n";
  for (const int stage : {0, 1, 2, 3}) {
    Plan plan = data_plan_of(1);
    plan.zero = stage;
    const Schedule schedule = make_schedule(make_resnet50(), plan);
    table += row(cat(stage), account_of(schedule)) + fmt::format(" {:>6} MB\n", mb(traffic_of(schedule, 0).sent));
  }
  values.block("zero", table);
}
// [/zero]

void lesson_11(Values& values) {
  const Model net = make_resnet50();
  values.value("ranks", cat(kRanks));
  values.value("images", cat(kImages));
  values.value("parameters_mb", mb(4 * parameter_count(net)));
  images(values);
  accumulate(values);
  recompute(values);
  zero(values);
}

}  // namespace

int main(int argc, char** argv) { return lesson::run(argc, argv, lesson_11); }
