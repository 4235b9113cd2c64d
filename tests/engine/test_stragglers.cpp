/// Stragglers: times that follow from the factors, and the mean of the slowest of several ranks.
#include <cmath>

#include "reference/schedule/stragglers.h"
#include "simulator/engine/simulate.h"
#include "tests/catch.h"
#include "tests/engine/schedules.h"

using namespace convoy;
using namespace convoy::testing;

namespace {

/// Every rank computes "work", then all meet in an all-reduce of 4 bytes a rank.
Schedule meeting(int ranks) {
  Schedule schedule = collective_schedule(ranks, ranks);
  Program& program = schedule.programs[0];
  program.ops.insert(program.ops.begin(), compute_op("work"));
  program.ops[1].after = {0};
  // the next step begins behind the meeting
  program.ops.push_back(compute_op("next", 0, {1}));
  return schedule;
}

SimulationOptions with(const Stragglers& stragglers, Fidelity fidelity) {
  SimulationOptions options{.fidelity = fidelity};
  options.compute_factor = [stragglers](int rank, int iteration, int) { return stragglers.factor(rank, iteration); };
  return options;
}

}  // namespace

TEST_CASE("a slow rank makes everybody wait by as much as it is slower") {
  const Cluster cluster = switch_cluster(4, 1);
  const CostModel cost = times_by_name({{"work", 2e-3}, {"next", 1e-3}});
  for (const Fidelity fidelity : {Fidelity::steps, Fidelity::flows, Fidelity::formula}) {
    CAPTURE(to_string(fidelity));
    const Schedule schedule = meeting(4);
    const double plain_s = end_of(simulate(schedule, 3, cluster, cost, {.fidelity = fidelity}));
    const Timeline slow = simulate(schedule, 3, cluster, cost, with({.slow = {{2, 1.5}}}, fidelity));
    // both compute ops of rank 2, in each of three iterations
    REQUIRE(end_of(slow) - plain_s == Approx(3 * 0.5 * 3e-3).epsilon(1e-9));
    REQUIRE(slow.representatives.empty());  // rank 2 is not like the others
    const Interval mine = interval_of(slow, 2, 0), other = interval_of(slow, 1, 0);
    REQUIRE(mine.end_s - mine.start_s == Approx(3e-3).epsilon(1e-9));
    REQUIRE(other.end_s - other.start_s == Approx(2e-3).epsilon(1e-9));
  }
}

TEST_CASE("a factor of its own for every op, where ops are merged into one timer too") {
  Schedule schedule = empty_schedule(1, 1);
  schedule.programs[0].ops = {compute_op("a"), compute_op("b"), compute_op("c")};
  SimulationOptions options;
  options.compute_factor = [](int, int iteration, int op) { return 1.0 + op + 10 * iteration; };
  const Timeline timeline =
      simulate(schedule, 2, switch_cluster(1, 1), times_by_name({{"a", 1}, {"b", 10}, {"c", 100}}), options);
  const double factors[2][3] = {{1, 2, 3}, {11, 12, 13}};
  const double times[3] = {1, 10, 100};
  double end_s = 0;
  for (int iteration = 0; iteration < 2; ++iteration)
    for (int op = 0; op < 3; ++op) {
      end_s += factors[iteration][op] * times[op];
      REQUIRE(interval_of(timeline, 0, op, iteration).end_s == Approx(end_s).epsilon(1e-12));
    }
}

TEST_CASE("with jitter the slowest of n ranks is slower by its harmonic number") {
  // The mean of the largest of n exponential numbers of mean J is J (1 + 1/2 + ... + 1/n), its variance J^2 (1 + 1/4 + ... + 1/n^2).
  const double jitter = 0.2, work_s = 1;
  for (const int ranks : {2, 8}) {
    CAPTURE(ranks);
    const int iterations = 4000;
    Schedule schedule = collective_schedule(ranks, ranks);
    schedule.programs[0].ops.insert(schedule.programs[0].ops.begin(), compute_op("work", 1));  // one stream: step after step
    const Timeline timeline = simulate(schedule, iterations, switch_cluster(ranks, 1), times_by_name({{"work", work_s}}),
                                       with({.slow = {}, .jitter = jitter, .seed = 7}, Fidelity::formula));
    double harmonic = 0, squares = 0;
    for (int k = 1; k <= ranks; ++k) {
      harmonic += 1.0 / k;
      squares += 1.0 / (k * k);
    }
    const double mean_s = end_of(timeline) / iterations;
    const double deviation_s = jitter * std::sqrt(squares / iterations);
    CAPTURE(mean_s, deviation_s, 1 + jitter * harmonic);
    REQUIRE(std::abs(mean_s - (1 + jitter * harmonic)) <= 4 * deviation_s + 1e-3);  // and 1 ms for the all-reduce
  }
}

TEST_CASE("a seed draws the same factors everywhere, another one others") {
  const Stragglers one{.slow = {{1, 2.0}}, .jitter = 0.1, .seed = 1}, same = one, other{.slow = {}, .jitter = 0.1, .seed = 2};
  REQUIRE(one.factor(0, 5) == same.factor(0, 5));
  REQUIRE(one.factor(0, 5) != other.factor(0, 5));
  REQUIRE(one.factor(0, 5) != one.factor(0, 6));
  REQUIRE(one.factor(0, 5) != one.factor(3, 5));
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(one.factor(0, i) >= 1);
    REQUIRE(one.factor(1, i) >= 2);
  }
  REQUIRE(Stragglers{}.factor(0, 0) == 1);
  REQUIRE(!Stragglers{}.any());
}
