#include "reference/train/profiler.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "reference/core/error.h"
#include "reference/data/synthetic.h"
#include "reference/io/report.h"
#include "reference/train/cpu_compute.h"
#include "reference/train/measure_machine.h"
#include "reference/train/measure_transport.h"
#include "reference/train/statistics.h"
#include "reference/train/trainer.h"

namespace convoy {
namespace {

/// What makes two compute ops cost the same.
using OpClass = std::tuple<int /*node*/, ComputeKind, int /*batch*/, std::int64_t /*count*/>;

/// Elements that zero or update works on, 0 for ops of a node.
std::int64_t flat_count(const Compute& compute) {
  for (const Operand& operand : compute.operands)
    if (operand.role == Role::gradients) return operand.region.slice.count;
  return 0;
}

OpClass class_of(const Program& program, const Compute& compute) {
  const std::int64_t count = flat_count(compute);
  return {compute.node, compute.kind, count > 0 ? 0 : program.batch, count};
}

std::vector<ProfileEntry> measure_batch(const Model& model, Plan plan, const ProfileSettings& settings, int batch) {
  plan.global_batch = batch * settings.concurrent;
  const Schedule schedule = make_schedule(model, plan);
  const TrainingData data = make_synthetic(
      {.image = model.image, .classes = model.classes, .train_count = plan.global_batch, .test_count = 1, .seed = settings.seed});
  CpuCompute compute(model, data.train, settings.concurrent, {.seed = settings.seed});
  std::vector<RankMemory> memories(static_cast<std::size_t>(settings.concurrent));
  const std::vector<double> weights = initial_weights(model, settings.seed);
  for (int rank = 0; rank < settings.concurrent; ++rank) {
    RankMemory& memory = memories[static_cast<std::size_t>(rank)];
    memory.bind(schedule.program(rank));
    std::ranges::transform(weights, memory.persistent<float>("weights").begin(), [](double w) { return static_cast<float>(w); });
  }
  const Timeline timeline =
      run_on_threads(schedule, settings.warmup + settings.steps, memories, compute.function(), run_options(settings.threads, settings.bind));
  return profile_entries(model, schedule, timeline, settings.warmup);
}

}  // namespace

std::vector<ProfileEntry> profile_entries(const Model& model, const Schedule& schedule, const Timeline& timeline, int warmup) {
  std::map<OpClass, std::vector<double>> times;
  for (const Interval& interval : timeline.intervals) {
    const Program& program = schedule.program(interval.rank);
    const Op& op = program.ops[static_cast<std::size_t>(interval.op)];
    const auto* compute = std::get_if<Compute>(&op.action);
    if (compute == nullptr || interval.iteration < warmup) continue;
    times[class_of(program, *compute)].push_back(interval.end_s - interval.start_s);
  }
  std::vector<ProfileEntry> entries;
  for (const auto& [key, samples] : times) {
    const auto& [node, kind, batch, count] = key;
    entries.push_back({.node = node < 0 ? "" : model.nodes[static_cast<std::size_t>(node)].name,
                       .kind = kind,
                       .batch = batch,
                       .count = count,
                       .time_s = median(samples),
                       .spread_s = quartile_range(samples),
                       .samples = static_cast<int>(samples.size())});
  }
  return entries;
}

Profile profile(const Model& model, const Plan& plan, const ProfileSettings& settings) {
  require(settings.concurrent >= 1 && settings.threads >= 1 && settings.steps >= 1 && settings.warmup >= 0, "profile",
          settings.concurrent, " ranks, ", settings.threads, " threads, ", settings.steps, " steps");
  require(plan.dtype == DType::f32, "profile", "the fast kernels are float");
  const Host host = this_host();
  Profile result;
  result.model = model.name;
  result.machine = host.cpu_model;
  result.cores = host.cores;
  result.memory_bytes = host.memory_bytes;
  result.threads = settings.threads;
  result.concurrent = settings.concurrent;
  result.precision = plan.precision;
  const Plan measured = plan_of({.model = model.name,
                                 .plan = plan.name,
                                 .ranks = settings.concurrent,
                                 .global_batch = 1,
                                 .overlap = false,
                                 .bucket_bytes = plan.bucket_bytes,
                                 .all_reduce = plan.all_reduce,
                                 .chunks = plan.chunks,
                                 .precision = plan.precision});
  // zero and update do not depend on the batch: those of the first run will do
  for (const int batch : settings.batches) {
    require(batch >= 1, "profile", "a batch of ", batch);
    for (const ProfileEntry& entry : measure_batch(model, measured, settings, batch))
      if (entry.count == 0 || batch == settings.batches.front()) result.entries.push_back(entry);
  }
  if (settings.concurrent > 1) result.transport = measure_transport();
  result.memory_bandwidth_bytes_per_s = measure_memory_bandwidth_bytes_per_s();
  result.peak_flops_per_s = measure_peak_flops_per_s();
  return result;
}

}  // namespace convoy
