#include "simulator/apps/simulation.h"

#include <functional>

#include "reference/core/error.h"
#include "reference/schedule/ideal.h"
#include "reference/schedule/validate.h"
#include "simulator/apps/schedule_options.h"
#include "simulator/engine/simulate.h"

namespace convoy {
namespace {

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

std::string measuring_command(const ScheduleChoice& choice) {
  return cat("convoy profile --model ", choice.model, " ", plan_words(choice));
}

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

}  // namespace convoy
