// Where nothing is shared, the simulation is the formula: simulate == ideal, op by op.
#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "reference/core/error.h"
#include "reference/core/random.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/validate.h"
#include "simulator/engine/simulate.h"
#include "tests/catch.h"
#include "tests/engine/schedules.h"

using namespace convoy;
using namespace convoy::testing;

namespace {

/// Seconds that depend on the op's name, the class of its rank and the seed alone, from 0 to 300 us.
CostModel random_cost(std::uint64_t seed) {
  CostModel cost;
  cost.compute_s = [=](const Program& program, const Op& op, const Compute&) {
    std::uint64_t key = mix64(seed + static_cast<std::uint64_t>(program.batch));
    for (const char letter : op.name) key = mix64(key ^ static_cast<std::uint64_t>(letter));
    return key % 7 == 0 ? 0.0 : 300 * us * unit_interval(key);
  };
  cost.receive_s = [](OnReceive on_receive, double bytes) {
    return on_receive == OnReceive::add ? 1 * us + bytes / (20 * GB) : 0.0;
  };
  return cost;
}

std::map<std::tuple<int, int, int>, Interval> by_op(const Timeline& timeline) {
  std::map<std::tuple<int, int, int>, Interval> intervals;
  for (const Interval& i : timeline.intervals) intervals[{i.rank, i.iteration, i.op}] = i;
  return intervals;
}

/// Largest difference of any start or end, relative to the end of the run; NaN when anything is NaN or missing.
double largest_difference(const Timeline& simulated, const Timeline& formula) {
  const auto a = by_op(simulated);
  const auto b = by_op(formula);
  if (a.size() != b.size() || a.size() != simulated.intervals.size()) return NAN;
  double largest = 0;
  for (const auto& [key, interval] : b) {
    const auto found = a.find(key);
    if (found == a.end()) return NAN;
    for (const double difference : {found->second.start_s - interval.start_s, found->second.end_s - interval.end_s}) {
      if (std::isnan(difference)) return NAN;
      largest = std::max(largest, std::abs(difference));
    }
  }
  return largest / end_of(formula);
}

void check_against_ideal(const Schedule& schedule, int iterations, const Cluster& cluster, const CostModel& cost) {
  const Timeline simulated = simulate(schedule, iterations, cluster, cost);
  const Timeline formula = ideal(schedule, iterations, cost, [&](int from, int to) { return cluster.link(from, to); });
  REQUIRE(simulated.clock == "simulated");
  REQUIRE(end_of(simulated) > 0);
  REQUIRE(largest_difference(simulated, formula) <= 1e-9);
  const double rounding_s = 1e-12 * end_of(simulated);
  const std::vector<std::string> breaches = check_timeline(schedule, iterations, simulated, rounding_s);
  CAPTURE(breaches.empty() ? "" : breaches.front());
  REQUIRE(breaches.empty());
}

Schedule lenet_schedule(int ranks, bool overlap, int global_batch) {
  Plan plan = make_plan("data", {.ranks = ranks, .global_batch = global_batch});
  plan.overlap = overlap;
  plan.bucket_bytes = 40'000;
  return make_schedule(make_model("lenet5"), plan);
}

/// A random program that all ranks run, with computing that differs from rank to rank: two streams that compute, and one on which
/// ranks exchange with a neighbour at a random distance or run a collective. One stream of communication, so nothing is shared.
Schedule random_schedule(std::uint64_t seed) {
  Random random(seed);
  const int ranks = 2 + static_cast<int>(random.below(6));
  Schedule schedule = empty_schedule(ranks, ranks);
  const int ops = 5 + static_cast<int>(random.below(25));
  for (int i = 0; i < ops; ++i) {
    const int stream = static_cast<int>(random.below(3));
    std::vector<int> after;
    for (int k = static_cast<int>(random.below(3)); k > 0 && i > 0; --k) after.push_back(static_cast<int>(random.below(i)));
    const int offset = 1 + static_cast<int>(random.below(ranks - 1));
    const std::int64_t count = random.below(3) == 0 ? random.below(5) : random.below(300'000);
    const auto algorithms = collective_algorithms();
    const auto drawn = static_cast<std::size_t>(random.below(static_cast<std::int64_t>(algorithms.size())));
    const bool refuses = !why_not(algorithms[drawn], {.world_size = ranks, .count = count}).empty();
    const CollectiveAlgorithm& algorithm = algorithms[refuses ? 0 : drawn];
    const int root = static_cast<int>(random.below(ranks));
    const int most_chunks = why_not(algorithm, {.world_size = ranks, .count = count, .chunks = 2}).empty() ? 3 : 1;
    const int chunks = 1 + static_cast<int>(random.below(most_chunks));
    const bool is_exchange = random.below(2) == 0;
    for (Program& program : schedule.programs) {
      program.batch = static_cast<int>(&program - schedule.programs.data());  // the key of the random cost
      const std::string name = cat("op", i);
      if (stream < 2) {
        program.ops.push_back(compute_op(name, stream, after));
      } else if (is_exchange) {
        const Message send{{0, offset}, add_buffer(program, name + ".out", count), i};
        const Message recv{{0, -offset}, add_buffer(program, name + ".in", count), i};
        program.ops.push_back({name, stream, after, Exchange{.send = send, .recv = recv}});
      } else {
        const Region region = add_buffer(program, name + ".data", count);
        program.ops.push_back(
            {name, stream, after, Collective{algorithm.kind, std::string(algorithm.name), 0, i, root, chunks, region}});
      }
    }
  }
  return schedule;
}

}  // namespace

TEST_CASE("without contention the simulation of LeNet-5 is the formula, with and without overlap") {
  for (const bool overlap : {false, true})
    for (const int ranks : {1, 2, 3, 4, 8}) {
      CAPTURE(overlap, ranks);
      check_against_ideal(lenet_schedule(ranks, overlap, 32), 3, load_cluster("ring-test"), random_cost(5));
    }
}

TEST_CASE("ranks with uneven batches, or none, are the formula too") {
  check_against_ideal(lenet_schedule(4, true, 7), 3, load_cluster("ring-test"), random_cost(6));
  check_against_ideal(lenet_schedule(5, true, 3), 2, load_cluster("ring-test"), random_cost(7));
}

TEST_CASE("a ring through nodes of eight devices shares nothing either") {
  check_against_ideal(lenet_schedule(24, true, 48), 2, load_cluster("dgx-v100"), random_cost(8));
}

TEST_CASE("with cores to spare the simulation of a shared-memory machine is the formula") {
  Cluster cluster = load_cluster("two-core-machine");
  cluster.devices_per_node = 4;
  cluster.cores_per_node = 8;
  check_against_ideal(lenet_schedule(4, true, 16), 3, cluster, random_cost(9));
  cluster.nodes = 2;
  cluster.devices_per_node = 2;
  cluster.nic = {30 * us, 1.25 * GB};
  check_against_ideal(lenet_schedule(4, true, 16), 3, cluster, random_cost(10));
}

TEST_CASE("every plan is the formula where nothing is shared") {
  // Inside a node that has cores for everyone no message waits for another, whatever stream it is of.
  Cluster cores = load_cluster("two-core-machine");
  cores.devices_per_node = 4;
  cores.cores_per_node = 64;
  for (const char* model_name : {"lenet5", "resnet20"}) {
    const Model model = make_model(model_name);
    for (const NamedPlan& named : named_plans()) {
      if (named.name == "parameter_server") continue;  // what servers do depends on when pushes come: no formula
      for (const int batch : {8, 6}) {
        for (const bool overlap : {false, true}) {
          Plan plan = make_plan(named.name, {.ranks = 4, .global_batch = batch, .inside = "spatial"});
          plan.overlap = overlap;
          CAPTURE(model_name, named.name, batch, overlap);
          check_against_ideal(make_schedule(model, plan), 2, cores, random_cost(11));
        }
      }
    }
  }
}

TEST_CASE("plans whose messages are all of one stream at a time are the formula on a network too") {
  const Model model = make_model("resnet20");
  for (const NamedPlan& named : named_plans()) {
    if (named.name == "parameter_server") continue;
    if (named.name == "data_parallel_root") continue;  // hands out weights and images at once
    Plan plan = make_plan(named.name, {.ranks = 4, .global_batch = 6, .inside = "spatial"});
    plan.overlap = false;  // else gradients and activations share links
    CAPTURE(named.name);
    check_against_ideal(make_schedule(model, plan), 2, load_cluster("ring-test"), random_cost(13));
  }
}

TEST_CASE("with overlap no plan is faster than the formula, and evaluation runs too") {
  const Model model = make_model("resnet20");
  const Cluster cluster = load_cluster("ring-test");
  const CostModel cost = random_cost(12);
  for (const NamedPlan& named : named_plans()) {
    if (named.name == "parameter_server") continue;
    for (const Mode mode : {Mode::train, Mode::evaluate}) {
      CAPTURE(named.name, mode == Mode::train);
      const Schedule schedule =
          make_schedule(model, make_plan(named.name, {.ranks = 4, .global_batch = 8, .inside = "spatial"}), mode);
      const Timeline simulated = simulate(schedule, 2, cluster, cost);
      const Timeline formula = ideal(schedule, 2, cost, [&](int from, int to) { return cluster.link(from, to); });
      REQUIRE(simulated.intervals.size() == formula.intervals.size());
      REQUIRE(end_of(simulated) >= end_of(formula) * (1 - 1e-9));
    }
  }
}

TEST_CASE("random schedules without contention are the formula") {
  const Cluster flat = load_cluster("ring-test");
  Cluster cores = switch_cluster(1, 8);
  cores.cores_per_node = 64;
  cores.cores_per_rank = 2;
  cores.communication_cores = 0.7;
  int checked = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    const Schedule schedule = random_schedule(seed);
    const CostModel cost = random_cost(seed);
    if (end_of(ideal(schedule, 2, cost, [&](int from, int to) { return flat.link(from, to); })) == 0) continue;
    check_against_ideal(schedule, 2, flat, cost);
    check_against_ideal(schedule, 2, cores, cost);
    ++checked;
  }
  REQUIRE(checked >= 50);
}
