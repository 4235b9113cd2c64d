// flows and formula against steps, and SimGrid for everything against SimGrid for what meets.
#include <algorithm>
#include <cmath>

#include "reference/core/error.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "simulator/engine/simulate.h"
#include "tests/catch.h"
#include "tests/engine/schedules.h"

using namespace convoy;
using namespace convoy::testing;

namespace {

struct Case {
  Cluster cluster;
  int ranks;
  std::string name;
};

std::vector<Case> cases() {
  Cluster slow = switch_cluster(4, 4, 2);
  slow.nic = {20 * us, 1 * GB};
  return {{switch_cluster(1, 8), 8, "a node of 8"},
          {switch_cluster(16, 1), 16, "16 nodes of 1"},
          {switch_cluster(4, 4, 4), 16, "4 nodes of 4, 4 NICs"},
          {switch_cluster(4, 4, 1), 16, "4 nodes of 4, 1 NIC"},
          {slow, 16, "4 nodes of 4, 2 slow NICs"},
          {switch_cluster(3, 8, 4), 20, "20 ranks on 3 nodes of 8, 4 NICs"}};
}

double step_end(const Schedule& schedule, const Cluster& cluster, const std::vector<int>& placement, Fidelity fidelity,
                bool everything_in_simgrid = false) {
  return end_of(simulate(schedule, 1, cluster, free_compute(),
                         {.fidelity = fidelity, .placement = placement, .everything_in_simgrid = everything_in_simgrid}));
}

}  // namespace

TEST_CASE("SimGrid for all flows gives the times of SimGrid for those that meet") {
  double worst = 0;
  for (const Case& c : cases())
    for (const std::uint64_t seed : {0U, 1U}) {
      const std::vector<int> placement = placement_of(c.ranks, c.cluster.world_size(), seed);
      for (const Schedule& schedule :
           {collective_schedule(c.ranks, 100'003), collective_schedule(c.ranks, 77'777, CollectiveKind::broadcast, "binomial", 2),
            ring_and_messages(c.ranks, 50'000)}) {
        CAPTURE(c.name, seed);
        const double meeting = step_end(schedule, c.cluster, placement, Fidelity::steps);
        const double all = step_end(schedule, c.cluster, placement, Fidelity::steps, true);
        REQUIRE(relative_error(meeting, all) <= 1e-9);
        worst = std::max(worst, relative_error(meeting, all));
      }
    }
  INFO("worst " << worst);
  REQUIRE(worst >= 0);
}

TEST_CASE("flows is steps where a ring has the links of one kind for itself") {
  for (const int ranks : {2, 3, 8, 16})
    for (const CollectiveKind kind : {CollectiveKind::all_reduce, CollectiveKind::reduce_scatter, CollectiveKind::all_gather})
      for (const int chunks : {1, 3}) {
        CAPTURE(ranks, chunks);
        const Schedule schedule = collective_schedule(ranks, std::int64_t{5} * ranks * chunks * 1000, kind, "ring", chunks);
        for (const Cluster& cluster : {switch_cluster(16, 1), switch_cluster(1, 16)}) {
          const double steps = step_end(schedule, cluster, {}, Fidelity::steps);
          REQUIRE(relative_error(step_end(schedule, cluster, {}, Fidelity::flows), steps) <= 1e-12);
          REQUIRE(relative_error(step_end(schedule, cluster, {}, Fidelity::formula), steps) <= 1e-12);
        }
      }
}

TEST_CASE("flows is near steps, whatever the placement, and with traffic beside it") {
  // The bounds that docs/measurements/2026-11-25-simulator.md states: of a ring alone, and of two rings that cross or a ring
  // beside messages.
  double alone = 0;
  double beside = 0;
  for (const Case& c : cases())
    for (const std::uint64_t seed : {0U, 1U, 2U, 3U})
      for (const std::int64_t count : {std::int64_t{1000}, std::int64_t{1'000'003}}) {
        const std::vector<int> placement = placement_of(c.ranks, c.cluster.world_size(), seed);
        CAPTURE(c.name, seed, count);
        const auto error = [&](const Schedule& schedule) {
          return relative_error(step_end(schedule, c.cluster, placement, Fidelity::flows),
                                step_end(schedule, c.cluster, placement, Fidelity::steps));
        };
        const auto check = [&](const Schedule& schedule, double bound, double& worst) {
          const double here = error(schedule);
          REQUIRE(here <= bound);
          worst = std::max(worst, here);
        };
        for (const CollectiveKind kind : {CollectiveKind::all_reduce, CollectiveKind::reduce_scatter, CollectiveKind::all_gather})
          check(collective_schedule(c.ranks, count, kind), 0.02, alone);
        check(crossing(c.ranks / 4, 4, count), 0.04, beside);
        check(ring_and_messages(c.ranks, count), 0.04, beside);
      }
  WARN("flows against steps, worst: " << 100 * alone << " % alone, " << 100 * beside << " % beside other traffic");
}

namespace {

Schedule data_parallel(int ranks, int global_batch) {
  Plan plan = make_plan("data", {.ranks = ranks, .global_batch = global_batch});
  plan.bucket_bytes = 40'000;
  return make_schedule(make_model("lenet5"), plan);
}

/// Microseconds that depend on the op and the class.
CostModel some_cost() {
  CostModel cost;
  cost.compute_s = [](const Program& program, const Op& op, const Compute&) {
    return (10.0 + 3.0 * static_cast<double>(op.name.size()) + program.batch) * us;
  };
  cost.receive_s = [](OnReceive on_receive, double bytes) { return on_receive == OnReceive::add ? bytes / (50 * GB) : 0.0; };
  return cost;
}

/// Largest difference of start or end between the intervals of `some` and those of the same rank, iteration and op of `all`.
double difference(const Timeline& some, const Timeline& all) {
  double largest = 0;
  for (const Interval& i : some.intervals) {
    const Interval other = interval_of(all, i.rank, i.op, i.iteration);
    largest = std::max({largest, std::abs(i.start_s - other.start_s), std::abs(i.end_s - other.end_s)});
  }
  return some.intervals.empty() ? NAN : largest;
}

}  // namespace

TEST_CASE("one rank of a class stands for all, and says the same as all of them") {
  const Cluster cluster = switch_cluster(4, 4, 2);
  for (const Fidelity fidelity : {Fidelity::flows, Fidelity::formula})
    for (const int batch : {32, 27}) {  // 16 ranks with two images each, or 11 with two and 5 with one
      CAPTURE(to_string(fidelity), batch);
      const Schedule schedule = data_parallel(16, batch);
      const Timeline folded = simulate(schedule, 3, cluster, some_cost(), {.fidelity = fidelity});
      const Timeline all = simulate(schedule, 3, cluster, some_cost(), {.fidelity = fidelity, .all_ranks = true});
      REQUIRE(folded.fidelity == to_string(fidelity));
      REQUIRE(folded.representatives.size() == (batch == 32 ? 1U : 2U));
      REQUIRE(all.representatives.empty());
      REQUIRE(all.intervals.size() > 7 * folded.intervals.size());
      REQUIRE(difference(folded, all) <= 1e-12 * end_of(all));
      REQUIRE(relative_error(end_of(folded), end_of(all)) <= 1e-12);
      const StepTimes a = step_times(schedule, folded, 1);
      const StepTimes b = step_times(schedule, all, 1);
      REQUIRE(relative_error(a.step_time_s, b.step_time_s) <= 1e-12);
      REQUIRE(relative_error(a.compute_s, b.compute_s) <= 1e-12);
      REQUIRE(relative_error(a.hidden_communication_s, b.hidden_communication_s) <= 1e-9);
      REQUIRE(relative_error(a.mean_step_time_s, b.mean_step_time_s) <= 1e-12);
      for (int phase = 0; phase < kPhaseCount; ++phase)
        REQUIRE(std::abs(a.phase_s[phase] - b.phase_s[phase]) <= 1e-12 * end_of(all));
      REQUIRE(check_timeline(schedule, 3, folded, 1e-12).empty());
    }
}

TEST_CASE("nobody stands for others where that is not known to be right") {
  const Cluster flat = switch_cluster(16, 1);
  const auto options = SimulationOptions{.fidelity = Fidelity::flows};
  REQUIRE(simulate(data_parallel(16, 32), 1, flat, some_cost(), options).representatives.size() == 1);
  REQUIRE(simulate(collective_schedule(16, 100, CollectiveKind::broadcast, "binomial"), 1, flat, free_compute(), options)
              .representatives.empty());
  REQUIRE(simulate(crossing(4, 4, 100), 1, flat, some_cost(), options).representatives.empty());
  REQUIRE(simulate(data_parallel(16, 32), 1, flat, some_cost()).representatives.empty());  // steps
  Cluster cores = switch_cluster(1, 16);
  cores.cores_per_node = 8;
  REQUIRE(simulate(data_parallel(16, 32), 1, cores, some_cost(), options).representatives.empty());
}

TEST_CASE("steps, flows and formula agree on data parallelism without contention") {
  const Cluster flat = switch_cluster(16, 1);
  for (const int batch : {32, 27}) {
    const Schedule schedule = data_parallel(8, batch);
    const double steps = end_of(simulate(schedule, 3, flat, some_cost()));
    for (const Fidelity fidelity : {Fidelity::flows, Fidelity::formula})
      REQUIRE(relative_error(end_of(simulate(schedule, 3, flat, some_cost(), {.fidelity = fidelity})), steps) <= 1e-3);
  }
}

TEST_CASE("a shared-memory machine is simulated by flows too") {
  Cluster cores = switch_cluster(1, 8);
  cores.cores_per_node = 12;
  cores.communication_cores = 0.5;
  const Schedule schedule = data_parallel(8, 32);
  const double steps = end_of(simulate(schedule, 2, cores, some_cost()));
  REQUIRE(relative_error(end_of(simulate(schedule, 2, cores, some_cost(), {.fidelity = Fidelity::flows})), steps) <= 0.02);
}

TEST_CASE("the same bits run after run") {
  const Cluster cluster = switch_cluster(4, 4, 1);
  for (const Fidelity fidelity : {Fidelity::steps, Fidelity::flows}) {
    const auto once = [&] {
      return simulate(ring_and_messages(16, 10'007), 2, cluster, some_cost(),
                      {.fidelity = fidelity, .placement = placement_of(16, 16, 5)});
    };
    const Timeline first = once();
    const Timeline second = once();
    REQUIRE(first.intervals.size() == second.intervals.size());
    for (std::size_t i = 0; i < first.intervals.size(); ++i) {
      REQUIRE(first.intervals[i].start_s == second.intervals[i].start_s);
      REQUIRE(first.intervals[i].end_s == second.intervals[i].end_s);
    }
  }
}

TEST_CASE("formula is the closed form of a tree, and knows where a group lies") {
  const Schedule tree = collective_schedule(16, 100'000, CollectiveKind::broadcast, "binomial");
  const Cluster flat = switch_cluster(16, 1);
  REQUIRE(relative_error(step_end(tree, flat, {}, Fidelity::formula), 4 * (5 * us + 400'000 / (10 * GB))) <= 1e-12);
  // 4 nodes of 4: rings along the last axis stay in a node, rings along the first go from node to node.
  const double along_0 = 6 * (5 * us + 400'000 / (10 * GB)), along_1 = 6 * (2 * us + 1'200'000 / (100 * GB));
  REQUIRE(relative_error(step_end(crossing(4, 4, 400'000), switch_cluster(4, 4, 4), {}, Fidelity::formula),
                         std::max(along_0, along_1)) <= 1e-12);
}

TEST_CASE("a collective that takes a given time takes it in every fidelity, with its bytes and devices") {
  const Cluster cluster = switch_cluster(4, 4, 4);
  for (const Fidelity fidelity : {Fidelity::steps, Fidelity::flows, Fidelity::formula}) {
    SimulationOptions options{.fidelity = fidelity, .placement = {5, 0, 1, 2, 3, 4, 6, 7}};
    options.collective_s = [](CollectiveKind kind, double bytes, const std::vector<int>& devices) {
      const bool right =
          kind == CollectiveKind::all_reduce && bytes == 4e5 && devices == std::vector<int>{5, 0, 1, 2, 3, 4, 6, 7};
      return right ? 3 * ms : 9 * ms;
    };
    REQUIRE(relative_error(end_of(simulate(collective_schedule(8, 100'000), 2, cluster, free_compute(), options)), 6 * ms) <=
            1e-12);
    options.placement.clear();
    options.collective_s = [](CollectiveKind, double, const std::vector<int>&) { return 0.0; };
    const Schedule schedule = data_parallel(8, 32);
    const double compute_alone_s = end_of(simulate(data_parallel(1, 4), 2, cluster, some_cost(), {.fidelity = fidelity}));
    // Conversions and updates by buckets are the same on one rank, so nothing but the collectives is gone.
    REQUIRE(end_of(simulate(schedule, 2, cluster, some_cost(), options)) <= compute_alone_s * (1 + 1e-9));
  }
}

TEST_CASE("auto is steps for few messages and flows for many") {
  REQUIRE(chosen_fidelity(Fidelity::automatic, collective_schedule(512, 512), 1) == Fidelity::steps);
  REQUIRE(chosen_fidelity(Fidelity::automatic, collective_schedule(1024, 1024), 1) == Fidelity::flows);
  REQUIRE(chosen_fidelity(Fidelity::automatic, collective_schedule(512, 512), 2) == Fidelity::flows);
  REQUIRE(chosen_fidelity(Fidelity::steps, collective_schedule(1024, 1024), 1) == Fidelity::steps);
  REQUIRE(simulate(collective_schedule(4, 512), 1, switch_cluster(4, 1), free_compute(), {.fidelity = Fidelity::automatic})
              .fidelity == "steps");
  for (const std::string_view name : fidelity_names()) REQUIRE(to_string(parse_fidelity(name)) == name);
  REQUIRE_THROWS_AS(parse_fidelity("step"), InputError);
}

TEST_CASE("a placement puts ranks on devices") {
  const Cluster cluster = switch_cluster(2, 2);
  const Schedule one = flows_schedule(2, {{0, 1, 1'000'000}});
  const auto at = [&](std::vector<int> placement) { return step_end(one, cluster, placement, Fidelity::steps); };
  REQUIRE(relative_error(at({}), 2 * us + 1'000'000 / (100 * GB)) <= 1e-12);
  REQUIRE(relative_error(at({3, 2}), 2 * us + 1'000'000 / (100 * GB)) <= 1e-12);
  REQUIRE(relative_error(at({3, 1}), 5 * us + 1'000'000 / (10 * GB)) <= 1e-12);
  for (const std::vector<int>& wrong : {std::vector<int>{0}, {0, 0}, {0, 4}, {-1, 0}})
    REQUIRE_THROWS_AS(at(wrong), std::invalid_argument);
}

TEST_CASE("four and two messages through one link take their turns as a fluid") {
  for (const int messages : {2, 4}) {
    std::vector<Flow> flows;
    for (int i = 1; i <= messages; ++i) flows.push_back({i, 0, std::int64_t{i} * 10'000'000});
    // All go at the same rate until the shortest has moved, then the others share what is free.
    double bytes_before = 0, time_s = 5 * us;
    for (int i = 1; i <= messages; ++i) {
      time_s += (i * 1e7 - bytes_before) * (messages - i + 1) / (10 * GB);
      bytes_before = i * 1e7;
    }
    REQUIRE(relative_error(step_end(flows_schedule(5, flows), switch_cluster(5, 1), {}, Fidelity::steps), time_s) <= 1e-9);
  }
}
