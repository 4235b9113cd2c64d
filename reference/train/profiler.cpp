#include "reference/train/profiler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "reference/core/error.h"
#include "reference/data/open.h"
#include "reference/train/cpu_compute.h"
#include "reference/train/measure_device.h"
#include "reference/train/measure_machine.h"
#include "reference/train/measure_transport.h"
#include "reference/train/statistics.h"
#include "reference/train/trainer.h"
#include "reference/train/weights.h"

namespace convoy {
namespace {

/// What makes two compute ops cost the same.
using OpClass = std::tuple<int /*node*/, ComputeKind, OpSize>;

/// Runs steps of one batch size as training does: real kernels, images in shuffled order, every rank on its cores.
class Stepper {
 public:
  Stepper(const Model& model, Plan plan, const Dataset& data, const ProfileSettings& settings, const Transport& transport,
          int batch)
      : settings_(settings),
        transport_(transport),
        schedule_(schedule_of(model, plan, settings, batch)),
        order_(shuffled(data.count(), settings.seed, 0)),
        compute_(model, data, settings.concurrent, compute_settings()),
        memories_(transport.ranks.size()) {
    if (settings.device != nullptr) {
      require_room(*settings.device, schedule_);
      for (RankMemory& memory : memories_) memory = RankMemory(&settings.device->memory);
    }
    const ModelValues start = initial_values(model, settings.seed);
    for (std::size_t i = 0; i < memories_.size(); ++i) {
      const int rank = transport.ranks[i];
      memories_[i].bind(schedule_.program(rank));
      write_values(memories_[i], "weights", local_weights(model, schedule_, rank, start.weights));
      write_values(memories_[i], "running_statistics", local_states(model, schedule_, rank, start.states));
    }
  }

  Timeline run(int steps) {
    return transport_.run(schedule_, settings_.warmup + steps, memories_, compute_.function(),
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
    compute.device = settings_.device;
    compute.sample_at = [this](std::int64_t step, std::int64_t position) {
      return order_[static_cast<std::size_t>((step * schedule_.global_batch + position) % std::ssize(order_))];
    };
    return compute;
  }

  const ProfileSettings& settings_;
  const Transport& transport_;
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
int enough_steps(Stepper& stepper, const Transport& transport, int warmup) {
  constexpr double kMeasured_s = 0.3;
  constexpr double kFewest = 20, kMost = 5000;
  constexpr int kTried = 3;
  const double step_s = std::max(transport.from_root(step_time_s(stepper.run(kTried), warmup, kTried)), 1e-9);
  return static_cast<int>(std::clamp(std::ceil(kMeasured_s / step_s), kFewest, kMost));
}

std::vector<ProfileEntry> measure_batch(const Model& model, const Plan& plan, const Dataset& data,
                                        const ProfileSettings& settings, const Transport& transport, int batch) {
  Stepper stepper(model, plan, data, settings, transport, batch);
  const int steps = settings.steps > 0 ? settings.steps : enough_steps(stepper, transport, settings.warmup);
  return profile_entries(model, stepper.schedule(), stepper.run(steps), settings.warmup);
}

OpClass class_of(const Model& model, const ProfileEntry& entry) {
  int node = -1;
  for (std::size_t i = 0; i < model.nodes.size(); ++i)
    if (model.nodes[i].name == entry.node) node = static_cast<int>(i);
  return {node, entry.kind, {entry.shape, entry.batch, entry.count}};
}

OpClass without_count(OpClass key) {
  std::get<OpSize>(key).count = 0;
  return key;
}

/// Adds the entries that are not there yet: zero, update and others do not depend on the batch.
void add_new(std::vector<ProfileEntry>& entries, const std::vector<ProfileEntry>& more) {
  const auto same = [](const ProfileEntry& a, const ProfileEntry& b) {
    return a.node == b.node && a.kind == b.kind && a.shape == b.shape && a.batch == b.batch && a.count == b.count;
  };
  for (const ProfileEntry& entry : more)
    if (std::none_of(entries.begin(), entries.end(), [&](const ProfileEntry& known) { return same(known, entry); }))
      entries.push_back(entry);
}

/// Whether a step of the plan has compute ops that no entry is for. Flat ops may have other sizes, which are interpolated.
bool has_unmeasured(const Model& model, Plan plan, int global_batch, const std::vector<ProfileEntry>& entries) {
  std::set<OpClass> measured;
  for (const ProfileEntry& entry : entries) measured.insert(without_count(class_of(model, entry)));
  plan.global_batch = global_batch;
  for (const Program& program : make_schedule(model, plan).programs)
    for (const Op& op : program.ops)
      if (const auto* compute = std::get_if<Compute>(&op.action))
        if (const OpSize size = size_of(program, *compute); size.batch > 0 || size.count > 0)
          if (!measured.contains(without_count({compute->node, compute->kind, size}))) return true;
  return false;
}

/// A step of one rank.
using Step = std::pair<int /*iteration*/, int /*rank*/>;

/// Measured times of ops that do the same.
struct Samples {
  std::vector<double> all_s;
  std::map<Step, std::vector<double>> of_step_s;
};

/// kKeptSteps of the steps or all, evenly over the run.
std::vector<Step> spread_out(const std::set<Step>& steps) {
  std::vector<Step> kept;
  const auto count = std::ssize(steps);
  std::ptrdiff_t i = 0;
  for (const Step& step : steps) {
    if (std::ssize(kept) * count < (i + 1) * kKeptSteps && std::ssize(kept) < kKeptSteps) kept.push_back(step);
    i += 1;
  }
  return kept;
}

/// The mean time of these ops in each of the kept steps, in whole nanoseconds; the median where a rank has no such op.
std::vector<double> kept_times_s(const Samples& samples, const std::vector<Step>& kept) {
  std::vector<double> times_s;
  for (const Step& step : kept) {
    const auto found = samples.of_step_s.find(step);
    double sum_s = found == samples.of_step_s.end() ? median(samples.all_s) : 0;
    for (const double time_s : found == samples.of_step_s.end() ? std::vector<double>{} : found->second)
      sum_s += time_s / static_cast<double>(found->second.size());
    times_s.push_back(std::round(sum_s * 1e9) / 1e9);
  }
  return times_s;
}

}  // namespace

std::vector<ProfileEntry> profile_entries(const Model& model, const Schedule& schedule, const Timeline& timeline, int warmup) {
  std::map<OpClass, Samples> times;
  std::set<Step> steps;
  for (const Interval& interval : timeline.intervals) {
    const Program& program = schedule.program(interval.rank);
    const Op& op = program.ops[static_cast<std::size_t>(interval.op)];
    const auto* compute = std::get_if<Compute>(&op.action);
    if (compute == nullptr || interval.iteration < warmup) continue;
    const OpSize size = size_of(program, *compute);
    if (size.batch == 0 && size.count == 0 && compute->kind != ComputeKind::join) continue;  // a rank with no part in it
    const Step step{interval.iteration, interval.rank};
    steps.insert(step);
    Samples& samples = times[{compute->node, compute->kind, size}];
    samples.all_s.push_back(interval.end_s - interval.start_s);
    samples.of_step_s[step].push_back(samples.all_s.back());
  }
  const std::vector<Step> kept = spread_out(steps);
  std::vector<ProfileEntry> entries;
  for (const auto& [key, samples] : times) {
    const auto& [node, kind, size] = key;
    entries.push_back({.node = node < 0 ? "" : model.nodes[static_cast<std::size_t>(node)].name,
                       .kind = kind,
                       .batch = size.batch,
                       .count = size.count,
                       .time_s = median(samples.all_s),
                       .spread_s = quartile_range(samples.all_s),
                       .samples = static_cast<int>(samples.all_s.size()),
                       .shape = size.shape,
                       .steps_s = kept_times_s(samples, kept)});
  }
  return entries;
}

Profile profile(const Model& model, const Plan& plan, const ProfileSettings& settings, const Transport& transport) {
  require(settings.concurrent >= 1 && settings.threads >= 1 && settings.steps >= 0 && settings.warmup >= 0, "profile",
          settings.concurrent, " ranks, ", settings.threads, " threads, ", settings.steps, " steps");
  require(transport.world_size == settings.concurrent, "profile", settings.concurrent, " ranks, and there are ",
          transport.world_size);
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
  result.fusion = plan.fusion;
  result.layout = plan.layout;
  require(plan.mesh.world_size() == settings.concurrent, "profile", "a plan for ", plan.mesh.world_size(), " ranks and ",
          settings.concurrent, " ranks to run");
  const TrainingData made = settings.data == nullptr ? open_data({.source = "synthetic",
                                                                  .image = model.image,
                                                                  .classes = model.classes,
                                                                  .model = model.name,
                                                                  .seed = settings.seed})
                                                     : TrainingData{};
  const Dataset& images = settings.data == nullptr ? made.train : settings.data->train;
  require(images.count() > 0, "profile", "no images");
  for (const int batch : settings.batches) {
    require(batch >= 1, "profile", "a batch of ", batch);
    Plan measured = plan;
    measured.overlap = false;  // so that no message disturbs a compute op
    add_new(result.entries, measure_batch(model, measured, images, settings, transport, batch));
    // What is divided into more ops only to overlap with messages, as layers whose halos travel, has to be measured so.
    // All processes must agree on whether to run again, and only rank 0's has times.
    const bool again = plan.overlap && has_unmeasured(model, plan, batch * settings.concurrent, result.entries);
    if (transport.from_root(again ? 1.0 : 0.0) > 0)
      add_new(result.entries, measure_batch(model, plan, images, settings, transport, batch));
  }
  if (settings.concurrent > 1) result.transport = measure_transport(transport);
  if (settings.device != nullptr) {
    result.device = measure_device(*settings.device);
    result.machine = result.device->name;
    result.memory_bytes = result.device->memory_bytes;
    result.memory_bandwidth_bytes_per_s = result.device->bytes_per_s;
    result.peak_flops_per_s = result.device->flops_per_s;
  } else if (transport.has_root()) {
    result.memory_bandwidth_bytes_per_s = measure_memory_bandwidth_bytes_per_s();
    result.peak_flops_per_s = measure_peak_flops_per_s();
  }
  transport.sum({0.0});  // the others wait here, so that one core is measured on an idle machine
  return result;
}

Profile profile(const Model& model, const Plan& plan, const ProfileSettings& settings) {
  return profile(model, plan, settings, threads_transport(settings.concurrent));
}

}  // namespace convoy
