#include "simulator/apps/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <stdexcept>

#include "reference/core/error.h"
#include "reference/core/units.h"
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

/// The most images of a step of a rank: of those of an iteration, which may be several steps.
int images_of_step(const Schedule& schedule, const Program& program) {
  return (program.batch + steps_of_iteration(schedule) - 1) / steps_of_iteration(schedule);
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
    const int images = images_of_step(schedule, program);
    if (images == 0 || (images >= fewest && images <= most)) continue;
    const std::string range = fewest == most ? cat(most) : cat(fewest, " to ", most);
    doubts.push_back(
        fmt::format("the profile was measured with {} images a rank; times of {} are taken in proportion. "
                    "'{}' measures them",
                    range, images, measuring_command(choice)));
  }
  return doubts;
}

/// The times of a profile are of layers fused or not, and of one layout.
void decide_as_measured(ScheduleChoice& choice, const std::optional<Profile>& profile) {
  if (!profile) return decide(choice, Fusion::off, ActivationLayout::nchw);
  decide(choice, profile->fusion, profile->layout);
  const auto refuse = [](const char* option, std::string_view wanted, std::string_view measured) {
    if (wanted == measured) return;
    throw InputError(cat("the profile was measured with ", option, " ", measured, ", so it has no times for ", option, " ",
                         wanted, "; leave ", option, " out, or measure with 'convoy profile ", option, " ", wanted, "'"));
  };
  refuse("--fusion", to_string(choice.fusion), to_string(profile->fusion));
  refuse("--layout", to_string(choice.layout), to_string(profile->layout));
}

std::function<double(int rank, int iteration, int op)> compute_factor_of(const Task& task) {
  if (!task.measured_jitter) {
    if (!task.stragglers.any()) return {};
    return [&task](int rank, int iteration, int) { return task.stragglers.factor(rank, iteration); };
  }
  if (!task.machine.profile) throw InputError("--jitter measured takes the steps of a profile; name one with --profile FILE");
  auto measured = measured_jitter(*task.machine.profile, model_of(task.choice), task.schedule, task.stragglers.seed);
  if (!measured)
    throw InputError("the profile has no single steps for --jitter measured; measure it again with 'convoy profile'");
  return [&task, measured = std::move(measured)](int rank, int iteration, int op) {
    return task.stragglers.factor(rank, iteration) * measured(rank, iteration, op);
  };
}

/// Workers on the first devices, in order; servers on the hosts of their nodes, evenly spaced.
std::vector<int> placement_with_hosts(const Cluster& cluster, int workers, int servers) {
  const Network network(cluster);
  const int nodes = network.node_of(workers - 1) + 1;
  std::vector<int> placement;
  for (int rank = 0; rank < workers; ++rank) placement.push_back(rank);
  for (int server = 0; server < servers; ++server) {
    const int node = servers <= nodes ? static_cast<int>(std::int64_t{server} * nodes / servers) : server % nodes;
    if (!(network.interior(node).host.bandwidth_bytes_per_s > 0))
      throw InputError(cat("servers on hosts need the memory of a host, and cluster '", cluster.name, "' does not state it",
                           cluster.others.empty() ? "" : cat(" for node ", node),
                           "; add for example host: {bandwidth: 76.8GB/s, latency: 5us} to its node, or use --servers-on own"));
    placement.push_back(network.host(node));
  }
  return placement;
}

/// By kind of nodes. Adding and updating move much more than they compute: what counts is the bandwidth of the host's memory.
std::vector<CostModel> costs_on_hosts(const Cluster& cluster) {
  const auto cost_on = [](const Cluster& nodes) {
    return CostModel{.compute_s =
                         [bytes_per_s = nodes.host.bandwidth_bytes_per_s](const Program&, const Op&, const Compute& compute) {
                           return (compute.work.bytes_read + compute.work.bytes_written) / bytes_per_s;
                         },
                     .receive_s = nullptr};
  };
  std::vector<CostModel> costs = {cost_on(cluster)};
  for (const Cluster& other : cluster.others) costs.push_back(cost_on(other));
  return costs;
}

}  // namespace

int warmup_of(int iterations) { return iterations > 1 ? 1 : 0; }

Task prepare(ScheduleChoice choice, Mode mode, int iterations, const ChosenMachine& machine) {
  if (iterations < 1) throw InputError(cat("--iterations is ", iterations, ", expected 1 or more"));
  decide_as_measured(choice, machine.profile);
  const int devices = device_count(choice);
  const Cluster cluster = for_ranks(machine.cluster, devices);
  know_machine(choice, topology_of(cluster, devices));
  Task task{.choice = choice, .mode = mode, .iterations = iterations, .machine = machine, .schedule = {}, .cost = {}};
  task.machine.cluster = cluster;
  task.schedule = schedule_for(choice, mode, &task.choices);
  require_valid(task.schedule);
  const Model model = model_of(choice);
  task.cost = cost_of(machine, model, choice.precision, measuring_command(choice));
  task.other_costs = other_costs_of(machine, model, choice.precision);
  if (choice.servers.on_hosts) {
    task.placement = placement_with_hosts(cluster, devices, choice.ranks - devices);
    task.host_costs = costs_on_hosts(cluster);
  }
  for (const Program& program : task.schedule.programs)  // what a profile lacks is said now
    for (const Op& op : program.ops)
      if (const auto* compute = std::get_if<Compute>(&op.action)) (void)task.cost.compute_s(program, op, *compute);
  return task;
}

Simulation simulate_task(const Task& task, const std::string& command) {
  Simulation done;
  SimulationOptions options{.fidelity = task.machine.fidelity,
                            .all_ranks = task.all_ranks,
                            .placement = task.placement,
                            .other_costs = task.other_costs,
                            .host_costs = task.host_costs,
                            .validated = true,  // by prepare()
                            .collective_s = collective_cost(task.machine),
                            .communication_share = communication_share(task.machine)};
  options.compute_factor = compute_factor_of(task);
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
  done.report.stragglers = task.stragglers;
  return done;
}

double lower_bound_s(const Task& task) {
  const Cluster& cluster = task.machine.cluster;
  const Network network(cluster);
  // Round by round where the simulation is, else closed forms: with thousands of ranks the rounds would take minutes.
  const Timeline timeline =
      !task.machine.library && task.other_costs.empty() && cluster.link_protocols.ranges.empty() &&
              cluster.nic_protocols.ranges.empty() &&
              chosen_fidelity(task.machine.fidelity, task.schedule, task.iterations) == Fidelity::steps &&
              !is_served(task.schedule)
          ? ideal(task.schedule, task.iterations, task.cost, [&](int from, int to) { return network.path(from, to); })
          : simulate(task.schedule, task.iterations, cluster, task.cost,
                     {.fidelity = Fidelity::formula,
                      .placement = task.placement,
                      .other_costs = task.other_costs,
                      .host_costs = task.host_costs,
                      .validated = true,
                      .collective_s = collective_cost(task.machine),
                      .communication_share = communication_share(task.machine)});
  return step_times(task.schedule, timeline, warmup_of(task.iterations)).step_time_s;
}

std::optional<double> one_rank_step_s(const Task& task) {
  ScheduleChoice one;
  one.model = task.choice.model;
  one.overlap = task.choice.overlap;
  one.bucket_bytes = task.choice.bucket_bytes;
  one.precision = task.choice.precision;
  one.fusion = task.choice.fusion;
  one.layout = task.choice.layout;
  const std::int64_t ranks = working_ranks(task.choice);
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

namespace {

/// Of somebody else's times: what they lack, and batches that they were not measured with.
std::vector<std::string> doubts_about_layers(const LayerTimes& times, const Task& task) {
  std::vector<std::string> doubts;
  const std::vector<std::string> missing = layers_without_times(times, model_of(task.choice));
  if (!missing.empty())
    doubts.push_back(
        fmt::format("{} has no times for {} of {}{}; they are taken from {}", times.file,
                    fmt::join(missing.begin(), missing.begin() + std::min<std::ptrdiff_t>(4, std::ssize(missing)), ", "),
                    task.choice.model, missing.size() > 4 ? fmt::format(" and {} more", missing.size() - 4) : "",
                    task.machine.kernels ? "--cost kernels" : "the roofline"));
  int fewest = times.rows.front().batch, most = fewest;
  for (const LayerTime& row : times.rows) {
    fewest = std::min(fewest, row.batch);
    most = std::max(most, row.batch);
  }
  for (const Program& program : task.schedule.programs)
    if (const int images = images_of_step(task.schedule, program); images > 0 && (images < fewest || images > most))
      doubts.push_back(fmt::format("{} has times of {} images, a rank here has {}; they are scaled in proportion", times.file,
                                   fewest == most ? cat(most) : cat(fewest, " to ", most), images));
  return doubts;
}

}  // namespace

std::vector<std::string> doubts_about_profile(const Task& task) {
  if (task.machine.layers) return doubts_about_layers(*task.machine.layers, task);
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

std::vector<std::string> doubts_about_sizes(const Task& task) {
  const Cluster& cluster = task.machine.cluster;
  double least = std::numeric_limits<double>::infinity(), most = 0;
  for (const Program& program : task.schedule.programs)
    for (const Op& op : program.ops) {
      const auto* collective = std::get_if<Collective>(&op.action);
      if (collective == nullptr || collective->region.slice.count == 0) continue;
      const int members = task.schedule.mesh.axes[static_cast<std::size_t>(collective->axis)].extent;
      if (members < 2) continue;
      // A part of a ring; other algorithms send it or more.
      const double bytes =
          static_cast<double>(region_bytes(program, collective->region)) / members / collective->chunks / collective->channels;
      least = std::min(least, bytes);
      most = std::max(most, bytes);
    }
  std::vector<std::string> doubts;
  const auto look = [&](const char* what, const Protocols& protocols) {
    if (protocols.calibrated_to_bytes <= 0 || most == 0) return;
    if (least >= protocols.calibrated_from_bytes && most <= protocols.calibrated_to_bytes) return;
    doubts.push_back(fmt::format("{} of cluster '{}' were measured with messages of {} to {}; here collectives send {} to {}",
                                 what, cluster.name, format_bytes(protocols.calibrated_from_bytes),
                                 format_bytes(protocols.calibrated_to_bytes), format_bytes(least), format_bytes(most)));
  };
  look("links between devices", cluster.link_protocols);
  if (task.choice.ranks > cluster.devices_per_node) look("NICs", cluster.nic_protocols);
  return doubts;
}

}  // namespace convoy
