#include "reference/train/profiler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "reference/core/error.h"
#include "reference/data/open.h"
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

/// Runs steps of one batch size as training does: real kernels, images in shuffled order, every rank on its cores.
class Stepper {
 public:
  Stepper(const Model& model, Plan plan, const Dataset& data, const ProfileSettings& settings, int batch)
      : settings_(settings),
        schedule_(schedule_of(model, plan, settings, batch)),
        order_(shuffled(data.count(), settings.seed, 0)),
        compute_(model, data, settings.concurrent, compute_settings()),
        memories_(static_cast<std::size_t>(settings.concurrent)) {
    const std::vector<double> weights = initial_weights(model, settings.seed);
    for (int rank = 0; rank < settings.concurrent; ++rank) {
      RankMemory& memory = memories_[static_cast<std::size_t>(rank)];
      memory.bind(schedule_.program(rank));
      std::ranges::transform(weights, memory.persistent<float>("weights").begin(),
                             [](double w) { return static_cast<float>(w); });
    }
  }

  Timeline run(int steps) {
    return run_on_threads(schedule_, settings_.warmup + steps, memories_, compute_.function(),
                          run_options(settings_.threads, settings_.bind));
  }
  [[nodiscard]] const Schedule& schedule() const { return schedule_; }

 private:
  static Schedule schedule_of(const Model& model, Plan& plan, const ProfileSettings& settings, int batch) {
    plan.global_batch = batch * settings.concurrent;
    return make_schedule(model, plan);
  }
  [[nodiscard]] ComputeSettings compute_settings() const {
    ComputeSettings compute{.seed = settings_.seed};
    compute.sample_at = [this](std::int64_t step, std::int64_t position) {
      return order_[static_cast<std::size_t>((step * schedule_.global_batch + position) % std::ssize(order_))];
    };
    return compute;
  }

  const ProfileSettings& settings_;
  Schedule schedule_;
  std::vector<std::int64_t> order_;
  CpuCompute compute_;
  std::vector<RankMemory> memories_;
};

/// How long the steps after the warm-up took, each.
double step_time_s(const Timeline& timeline, int warmup, int steps) {
  double start_s = std::numeric_limits<double>::infinity(), end_s = 0;
  for (const Interval& interval : timeline.intervals) {
    if (interval.iteration < warmup) continue;
    start_s = std::min(start_s, interval.start_s);
    end_s = std::max(end_s, interval.end_s);
  }
  return (end_s - start_s) / steps;
}

/// As many steps as take about 0.3 s, but enough for a median and not more than a timeline should hold.
int enough_steps(Stepper& stepper, int warmup) {
  constexpr double kMeasured_s = 0.3;
  constexpr double kFewest = 20, kMost = 5000;
  constexpr int kTried = 3;
  const double step_s = std::max(step_time_s(stepper.run(kTried), warmup, kTried), 1e-9);
  return static_cast<int>(std::clamp(std::ceil(kMeasured_s / step_s), kFewest, kMost));
}

std::vector<ProfileEntry> measure_batch(const Model& model, const Plan& plan, const Dataset& data,
                                        const ProfileSettings& settings, int batch) {
  Stepper stepper(model, plan, data, settings, batch);
  const int steps = settings.steps > 0 ? settings.steps : enough_steps(stepper, settings.warmup);
  return profile_entries(model, stepper.schedule(), stepper.run(steps), settings.warmup);
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
  require(settings.concurrent >= 1 && settings.threads >= 1 && settings.steps >= 0 && settings.warmup >= 0, "profile",
          settings.concurrent, " ranks, ", settings.threads, " threads, ", settings.steps, " steps");
  require(plan.dtype == DType::f32, "profile", "the fast kernels are float");
  const Host host = this_host();
  Profile result;
  result.model = model.name;
  result.seed = settings.seed;
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
  const TrainingData made = settings.data == nullptr ? open_data({.source = "synthetic",
                                                                  .image = model.image,
                                                                  .classes = model.classes,
                                                                  .model = model.name,
                                                                  .seed = settings.seed})
                                                     : TrainingData{};
  const Dataset& images = settings.data == nullptr ? made.train : settings.data->train;
  require(images.count() > 0, "profile", "no images");
  // zero and update do not depend on the batch: those of the first run will do
  for (const int batch : settings.batches) {
    require(batch >= 1, "profile", "a batch of ", batch);
    for (const ProfileEntry& entry : measure_batch(model, measured, images, settings, batch))
      if (entry.count == 0 || batch == settings.batches.front()) result.entries.push_back(entry);
  }
  if (settings.concurrent > 1) result.transport = measure_transport();
  result.memory_bandwidth_bytes_per_s = measure_memory_bandwidth_bytes_per_s();
  result.peak_flops_per_s = measure_peak_flops_per_s();
  return result;
}

}  // namespace convoy
