#include "simulator/apps/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "reference/core/error.h"
#include "reference/schedule/ideal.h"
#include "reference/schedule/validate.h"
#include "simulator/apps/schedule_options.h"
#include "simulator/engine/simulate.h"

namespace convoy {
namespace {

std::string measuring_command(const ScheduleChoice& choice) {
  return cat("convoy profile --model ", choice.model, " ", plan_words(choice));
}

/// A profile that is used on a cluster of its own, and one on the machine that it calls this one.
std::vector<std::string> doubts_about_machine(const ChosenMachine& machine) {
  const std::string& measured = machine.profile->machine;
  if (!machine.given_cluster) {
    const std::string here = this_host().cpu_model;
    if (here == measured) return {};
    return {fmt::format("the profile was measured on {}, this machine is {}; what is simulated is the former", measured, here)};
  }
  const Cluster& cluster = machine.cluster;
  if ((cluster.device.name + cluster.description).find(measured) != std::string::npos) return {};
  return {
      fmt::format("the profile was measured on {}, and cluster '{}' does not say that it is made of it", measured, cluster.name)};
}

/// Images of a rank between the fewest and the most that were measured are a straight line, others a guess.
std::vector<std::string> doubts_about_images(const Profile& profile, const Schedule& schedule, const ScheduleChoice& choice) {
  int fewest = 0;
  int most = 0;
  for (const ProfileEntry& entry : profile.entries) {
    if (entry.batch < 1) continue;
    fewest = fewest == 0 ? entry.batch : std::min(fewest, entry.batch);
    most = std::max(most, entry.batch);
  }
  std::vector<std::string> doubts;
  for (const Program& program : schedule.programs) {
    if (program.batch == 0 || (program.batch >= fewest && program.batch <= most)) continue;
    const std::string range = fewest == most ? cat(most) : cat(fewest, " to ", most);
    doubts.push_back(
        fmt::format("the profile was measured with {} images a rank; times of {} are taken in proportion. "
                    "'{}' measures them",
                    range, program.batch, measuring_command(choice)));
  }
  return doubts;
}

/// The times of a profile are of layers fused or not, and of one layout.
void decide_as_measured(ScheduleChoice& choice, const std::optional<Profile>& profile) {
  if (!profile) return decide(choice, Fusion::off, ActivationLayout::nchw);
  decide(choice, profile->fusion, profile->layout);
  const auto refuse = [](const char* option, std::string_view wanted, std::string_view measured) {
    if (wanted == measured) return;
    throw InputError(cat("the profile was measured with ", option, " ", measured, ", so it has no times for ", option, " ", wanted,
                         "; leave ", option, " out, or measure with 'convoy profile ", option, " ", wanted, "'"));
  };
  refuse("--fusion", to_string(choice.fusion), to_string(profile->fusion));
  refuse("--layout", to_string(choice.layout), to_string(profile->layout));
}

}  // namespace

int warmup_of(int iterations) { return iterations > 1 ? 1 : 0; }

Task prepare(ScheduleChoice choice, Mode mode, int iterations, const ChosenMachine& machine) {
  if (iterations < 1) throw InputError(cat("--iterations is ", iterations, ", expected 1 or more"));
  decide_as_measured(choice, machine.profile);
  Task task{.choice = choice,
            .mode = mode,
            .iterations = iterations,
            .machine = machine,
            .schedule = schedule_for(choice, mode),
            .cost = {}};
  task.machine.cluster = for_ranks(machine.cluster, choice.ranks);
  require_valid(task.schedule);
  task.cost = cost_of(machine, model_of(choice), choice.precision, measuring_command(choice));
  for (const Program& program : task.schedule.programs)  // what a profile lacks is said now
    for (const Op& op : program.ops)
      if (const auto* compute = std::get_if<Compute>(&op.action)) (void)task.cost.compute_s(program, op, *compute);
  return task;
}

Simulation simulate_task(const Task& task, const std::string& command) {
  Simulation done;
  SimulationOptions options{.fidelity = task.machine.fidelity, .all_ranks = task.all_ranks};
  if (task.stragglers.any())
    options.compute_factor = [&](int rank, int iteration, int) { return task.stragglers.factor(rank, iteration); };
  done.timeline = simulate(task.schedule, task.iterations, task.machine.cluster, task.cost, options);
  done.times = step_times(task.schedule, done.timeline, warmup_of(task.iterations));
  done.report.command = command;
  done.report.host = this_host();
  done.report.schedule = task.choice;
  done.report.mode = task.mode == Mode::train ? "train" : "evaluate";
  done.report.transport = task.machine.cluster.name;
  done.report.threads = task.machine.profile ? task.machine.profile->threads : task.machine.cluster.cores_per_rank;
  done.report.set_times(done.times, done.timeline.clock);
  done.report.set_memory(task.schedule);
  done.report.set_serving(done.timeline);
  return done;
}

double lower_bound_s(const Task& task) {
  const Cluster& cluster = task.machine.cluster;
  const Network network(cluster);
  // Round by round where the simulation is, else closed forms: with thousands of ranks the rounds would take minutes.
  const Timeline timeline =
      chosen_fidelity(task.machine.fidelity, task.schedule, task.iterations) == Fidelity::steps && !is_served(task.schedule)
          ? ideal(task.schedule, task.iterations, task.cost, [&](int from, int to) { return network.path(from, to); })
          : simulate(task.schedule, task.iterations, cluster, task.cost, {.fidelity = Fidelity::formula});
  return step_times(task.schedule, timeline, warmup_of(task.iterations)).step_time_s;
}

std::optional<double> one_rank_step_s(const Task& task) {
  ScheduleChoice one{.model = task.choice.model,
                     .overlap = task.choice.overlap,
                     .bucket_bytes = task.choice.bucket_bytes,
                     .precision = task.choice.precision,
                     .fusion = task.choice.fusion,
                     .layout = task.choice.layout};
  const std::int64_t ranks = task.choice.ranks;
  one.global_batch = static_cast<int>((task.choice.global_batch + ranks - 1) / ranks);  // of the rank that has most
  Task alone;
  try {
    alone = prepare(one, task.mode, task.iterations, task.machine);
  } catch (const InputError&) {
    if (task.machine.profile) return std::nullopt;
    throw;
  }
  return simulate_task(alone, "").times.step_time_s;
}

std::vector<std::string> doubts_about_profile(const Task& task) {
  if (!task.machine.profile) return {};
  const Profile& profile = *task.machine.profile;
  const Cluster& cluster = task.machine.cluster;
  std::vector<std::string> doubts = doubts_about_machine(task.machine);
  const int together = std::min(task.choice.ranks, cluster.devices_per_node);
  if (together != profile.concurrent) {
    doubts.push_back(fmt::format(
        "the profile was measured with {} rank{} at once, here {} share a node; 'convoy profile --ranks {}' measures that",
        profile.concurrent, profile.concurrent == 1 ? "" : "s", together, together));
  }
  if (cluster.cores_per_node > 0 && cluster.cores_per_rank != profile.threads) {
    doubts.push_back(fmt::format("the profile was measured with {} thread{} a rank, a rank of cluster '{}' has {} core{}",
                                 profile.threads, profile.threads == 1 ? "" : "s", cluster.name, cluster.cores_per_rank,
                                 cluster.cores_per_rank == 1 ? "" : "s"));
  }
  const std::vector<std::string> of_images = doubts_about_images(profile, task.schedule, task.choice);
  doubts.insert(doubts.end(), of_images.begin(), of_images.end());
  return doubts;
}

}  // namespace convoy
