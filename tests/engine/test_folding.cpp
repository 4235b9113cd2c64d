// flows against steps: every collective that is folded, on every topology, ranks in order and shuffled, alone and beside others.
#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "reference/collectives/lock_step.h"
#include "reference/core/error.h"
#include "simulator/engine/simulate.h"
#include "tests/catch.h"
#include "tests/engine/schedules.h"
#include "tests/platform/networks.h"

using namespace convoy;
using namespace convoy::testing;

namespace {

/// The largest difference that was seen of one kind of schedule, and where.
struct Worst {
  double error = 0;
  std::string where;
  void take(double other, const std::string& here) {
    if (other > error) where = here;
    error = std::max(error, other);
  }
};

std::vector<Cluster> clusters() {
  std::vector<Cluster> all = clusters_of_all_topologies();
  for (Cluster cluster : {switch_cluster(1, 8), switch_cluster(4, 4, 1), switch_cluster(4, 4, 4)}) {
    cluster.name = cat(cluster.nodes, " nodes of ", cluster.devices_per_node, ", ", cluster.nics_per_node, " NICs");
    all.push_back(cluster);
  }
  return all;
}

/// How far flows are from steps.
double error_of(const Schedule& schedule, const Cluster& cluster, const std::vector<int>& placement) {
  const auto time_s = [&](Fidelity fidelity) {
    return end_of(simulate(schedule, 1, cluster, free_compute(), {.fidelity = fidelity, .placement = placement}));
  };
  return relative_error(time_s(Fidelity::flows), time_s(Fidelity::steps));
}

/// One collective over all ranks of a cluster; nothing where its algorithm refuses.
std::optional<Schedule> alone(const CollectiveAlgorithm& algorithm, const Cluster& cluster, std::int64_t count) {
  Schedule schedule = collective_schedule(cluster.world_size(), count, algorithm.kind, std::string(algorithm.name));
  auto& collective = std::get<Collective>(schedule.programs[0].ops[0].action);
  if (cluster.devices_per_node > 1)
    collective.ranks_per_node = cluster.devices_per_node;
  else if (cluster.nodes % 4 == 0)
    collective.ranks_per_node = 4;
  return why_not(algorithm, request_of(schedule, 0, collective)).empty() ? std::optional(schedule) : std::nullopt;
}

}  // namespace

TEST_CASE("folded collectives are near steps on every topology, in order and shuffled, alone and beside others") {
  // The bounds that docs/measurements/2026-11-25-simulator.md states, wide for messages of a few hundred bytes only.
  std::map<std::string, Worst> worst;
  for (const Cluster& cluster : clusters())
    for (const std::uint64_t seed : {0U, 1U})
      for (const std::int64_t count : {std::int64_t{1000}, std::int64_t{1'000'003}}) {
        const int ranks = cluster.world_size();
        const std::vector<int> placement = placement_of(ranks, ranks, seed);
        const std::string where = cat(cluster.name, " of ", ranks, seed == 0 ? ", in order, " : ", shuffled, ", count, " elements");
        const auto check = [&](const std::string& what, const Schedule& schedule, double bound) {
          const double error = error_of(schedule, cluster, placement);
          CAPTURE(what, where, error);
          CHECK(error <= bound);
          worst[cat(what, ", ", count, " elements")].take(error, where);
        };
        for (const CollectiveAlgorithm& algorithm : collective_algorithms())
          if (algorithm.stretches != nullptr)
            if (const auto schedule = alone(algorithm, cluster, count))
              check(cat(algorithm.name, " ", to_string(algorithm.kind)), *schedule,
                    algorithm.name == "ring" || count > 1000 ? 0.03 : 0.16);
        if (ranks % 4 == 0 && ranks > 4) check("two rings that cross", crossing(ranks / 4, 4, count), 0.03);
        if (ranks > 4) check("a ring beside messages", ring_and_messages(ranks, count), 0.04);
      }
  REQUIRE(worst.size() >= 22);
  std::string text;
  for (const auto& [what, w] : worst) text += cat("\n  ", what, ": ", 100 * w.error, " % (", w.where, ")");
  WARN("flows against steps, worst:" << text);
}

TEST_CASE("exchanges of pairs, folded, are steps where every rank is simulated, and no slower by formula") {
  int compared = 0;
  for (const Cluster& cluster : clusters())
    for (const std::uint64_t seed : {0U, 1U})
      for (const CollectiveAlgorithm& algorithm : collective_algorithms()) {
        const int ranks = cluster.world_size();
        const auto schedule = alone(algorithm, cluster, std::int64_t{ranks} * 4096);
        if (ranks == 2 || !schedule) continue;
        const auto& collective = std::get<Collective>(schedule->programs[0].ops[0].action);
        const std::vector<Stretch> stretches = lock_steps(algorithm.kind, algorithm.name, request_of(*schedule, 0, collective));
        if (stretches.empty() || !std::ranges::all_of(stretches, [](const Stretch& stretch) { return stretch.size == 2; })) continue;
        const auto run = [&](Fidelity fidelity) {
          return end_of(simulate(*schedule, 1, cluster, free_compute(),
                                 {.fidelity = fidelity, .all_ranks = true, .placement = placement_of(ranks, ranks, seed)}));
        };
        const double steps_s = run(Fidelity::steps);
        CAPTURE(cluster.name, seed, algorithm.name, to_string(algorithm.kind));
        REQUIRE(relative_error(run(Fidelity::flows), steps_s) <= 1e-9);
        REQUIRE(run(Fidelity::formula) <= steps_s * (1 + 1e-9));
        ++compared;
      }
  REQUIRE(compared >= 30);
}

TEST_CASE("several channels of a ring are folded too, and near steps") {
  double worst = 0;
  for (const Cluster& cluster : {switch_cluster(1, 8), switch_cluster(4, 4, 1), switch_cluster(4, 4, 4)})
    for (const int channels : {2, 4})
      for (const std::int64_t count : {std::int64_t{1000}, std::int64_t{1'000'003}}) {
        Schedule rings = collective_schedule(cluster.world_size(), count, CollectiveKind::all_reduce, "ring", 1, channels);
        std::get<Collective>(rings.programs[0].ops[0].action).ranks_per_node = cluster.devices_per_node;
        const auto run = [&](Fidelity fidelity, bool all_ranks) {
          return simulate(rings, 1, cluster, free_compute(), {.fidelity = fidelity, .all_ranks = all_ranks});
        };
        const double steps = end_of(run(Fidelity::steps, false));
        const Timeline folded = run(Fidelity::flows, false);
        CAPTURE(cluster.nodes, cluster.nics_per_node, channels, count, steps, end_of(folded));
        REQUIRE(folded.representatives.size() == 1);
        REQUIRE(relative_error(end_of(run(Fidelity::flows, true)), end_of(folded)) <= 1e-9);
        REQUIRE(relative_error(end_of(folded), steps) <= 0.05);
        REQUIRE(end_of(run(Fidelity::formula, false)) <= steps * 1.001);  // it takes uneven parts for the largest
        worst = std::max(worst, relative_error(end_of(folded), steps));
      }
  WARN("flows of several channels against steps, worst: " << 100 * worst << " %");
}
