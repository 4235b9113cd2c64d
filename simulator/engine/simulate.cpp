#include "simulator/engine/simulate.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <sstream>
#include <type_traits>

#include "reference/core/error.h"
#include "reference/schedule/validate.h"
#include "simulator/engine/in_child.h"
#include "simulator/engine/run.h"

namespace convoy {
namespace {

constexpr double kMostSteps = 1e6;

/// Objects of a trivially copyable type as bytes, behind how many there are, and back.
template <typename T>
void put(std::string& bytes, const std::vector<T>& values) {
  static_assert(std::is_trivially_copyable_v<T>);
  const std::uint64_t count = values.size();
  bytes.append(reinterpret_cast<const char*>(&count), sizeof count);
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}
template <typename T>
std::vector<T> take(const std::string& bytes, std::size_t& at) {
  std::uint64_t count = 0;
  std::memcpy(&count, bytes.data() + at, sizeof count);
  at += sizeof count;
  std::vector<T> values(count);
  if (count > 0) std::memcpy(values.data(), bytes.data() + at, count * sizeof(T));
  at += count * sizeof(T);
  return values;
}

/// A line for each link.
std::string text_of(const std::vector<LinkTraffic>& links) {
  std::ostringstream text;
  text.precision(17);
  for (const LinkTraffic& link : links)
    text << link.bytes << ' ' << link.utilisation << ' ' << link.most_flows << ' ' << link.name << '\n';
  return text.str();
}
std::vector<LinkTraffic> links_in(const std::string& text) {
  std::vector<LinkTraffic> links;
  std::istringstream lines(text);
  LinkTraffic link;
  while (lines >> link.bytes >> link.utilisation >> link.most_flows && std::getline(lines >> std::ws, link.name))
    links.push_back(link);
  return links;
}

void check_request(const Schedule& schedule, int iterations, const Cluster& cluster, const CostModel& cost,
                   const SimulationOptions& options) {
  require(iterations > 0, "simulate", "iterations is ", iterations, ", must be positive");
  require(options.blocks > 0, "simulate", "blocks is ", options.blocks, ", must be positive");
  require(static_cast<bool>(cost.compute_s), "simulate", "the cost model has no compute_s");
  require(options.communication_share >= 0 && options.communication_share < 1, "simulate", "communication_share is ",
          options.communication_share, ", must be at least 0 and below 1");
  require(options.communication_share == 0 || cluster.cores_per_node == 0, "simulate",
          "communication takes a part of devices, or shares cores with them, not both");
  if (!options.validated) require_valid(schedule);
  if (options.placement.empty()) require_ranks(cluster, schedule.world_size());
  require(options.other_costs.empty() || options.other_costs.size() == cluster.others.size(), "simulate",
          options.other_costs.size(), " costs of other nodes, of which there are ", cluster.others.size(), " kinds");
  for (const CostModel& other : options.other_costs)
    require(static_cast<bool>(other.compute_s), "simulate", "the cost model of other nodes has no compute_s");
  require(options.host_costs.empty() || options.host_costs.size() == 1 + cluster.others.size(), "simulate",
          options.host_costs.size(), " costs of hosts, of which there are ", 1 + cluster.others.size(), " kinds");
  for (const CostModel& host : options.host_costs)
    require(static_cast<bool>(host.compute_s), "simulate", "the cost model of hosts has no compute_s");
  if (options.placement.empty()) return;
  require(options.placement.size() == schedule.class_of.size(), "simulate", "the placement has ", options.placement.size(),
          " ranks, the schedule ", schedule.world_size());
  std::set<int> taken;
  const int devices = cluster.world_size();
  for (std::size_t rank = 0; rank < options.placement.size(); ++rank) {
    const int device = options.placement[rank];
    if (device >= devices && device < devices + cluster.total_nodes()) {
      const std::vector<Op>& ops = schedule.program(static_cast<int>(rank)).ops;
      require(std::ranges::all_of(ops, [](const Op& op) { return std::holds_alternative<Serve>(op.action); }), "simulate", "rank ",
              rank, " does more than serve, so it cannot be a host");
      continue;
    }
    require(device >= 0 && device < devices && taken.insert(device).second, "simulate", "device ", device,
            " of the placement is taken twice, or not one of the ", devices, " of the cluster");
  }
}

Timeline run(const Schedule& schedule, int iterations, const Cluster& cluster, const CostModel& cost,
             const SimulationOptions& options) {
  RunSettings settings{.fidelity = chosen_fidelity(options.fidelity, schedule, iterations),
                       .placement = options.placement,
                       .other_costs = options.other_costs,
                       .host_costs = options.host_costs,
                       .compute_factor = options.compute_factor,
                       .collective_s = options.collective_s,
                       .communication_share = options.communication_share};
  if (options.everything_in_simgrid) settings.sharing = Sharing::all;
  const bool cores = cluster.cores_per_node > 0;
  if (may_meet_others(schedule) || (cores && cluster.communication_cores > 0)) settings.blocks = options.blocks;
  settings.by_class = !options.all_ranks && !options.compute_factor && settings.fidelity != Fidelity::steps && !cores &&
                      classes_suffice(schedule);
  return Run(schedule, iterations, cluster, cost, settings).run();
}

}  // namespace

Fidelity chosen_fidelity(Fidelity fidelity, const Schedule& schedule, int iterations) {
  if (fidelity != Fidelity::automatic) return fidelity;
  return messages_of(schedule) * iterations <= kMostSteps ? Fidelity::steps : Fidelity::flows;
}

Timeline simulate_in_this_process(const Schedule& schedule, int iterations, const Cluster& cluster, const CostModel& cost,
                                  const SimulationOptions& options) {
  static bool used = false;
  check_request(schedule, iterations, cluster, cost, options);
  require(!used, "simulate_in_this_process", "this process has already simulated; use simulate()");
  used = true;
  return run(schedule, iterations, cluster, cost, options);
}

Timeline simulate(const Schedule& schedule, int iterations, const Cluster& cluster, const CostModel& cost,
                  const SimulationOptions& options) {
  check_request(schedule, iterations, cluster, cost, options);
  if (options.fidelity == Fidelity::formula) return run(schedule, iterations, cluster, cost, options);
  Timeline timeline{.clock = "simulated", .intervals = {}};
  const std::string bytes = in_child([&] {
    const Timeline done = run(schedule, iterations, cluster, cost, options);
    std::string answer;
    put(answer, done.intervals);
    put(answer, done.representatives);
    put(answer, done.pushes);
    return answer + done.fidelity + '\n' + text_of(done.links);
  });
  std::size_t at = 0;
  timeline.intervals = take<Interval>(bytes, at);
  timeline.representatives = take<Representative>(bytes, at);
  timeline.pushes = take<ServedPush>(bytes, at);
  const std::size_t end = bytes.find('\n', at);
  timeline.fidelity = bytes.substr(at, end - at);
  timeline.links = links_in(bytes.substr(end + 1));
  return timeline;
}

}  // namespace convoy
