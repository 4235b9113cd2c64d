// Simulated collectives against the closed forms of reference/collectives, where nothing is shared.
#include <algorithm>
#include <cmath>

#include "simulator/engine/simulate.h"
#include "tests/catch.h"
#include "tests/engine/schedules.h"

using namespace convoy;
using namespace convoy::testing;

TEST_CASE("a simulated ring all-reduce takes 2(n-1)(latency + S/(n bandwidth))") {
  const Cluster cluster = load_cluster("ring-test");
  for (const int n : {2, 3, 4, 7, 8, 16, 64, 128, 256}) {
    CAPTURE(n);
    const std::int64_t count = std::int64_t{n} * 1000;
    const double bytes = 4.0 * static_cast<double>(count);
    const Timeline timeline = simulate(collective_schedule(n, count), 1, cluster, free_compute());
    const double formula_s = 2 * (n - 1) * (1 * us + bytes / (n * 25 * GB));
    REQUIRE(timeline.intervals.size() == static_cast<std::size_t>(n));
    for (const Interval& interval : timeline.intervals) REQUIRE(relative_error(interval.end_s, formula_s) <= 1e-9);
  }
}

TEST_CASE("a ring of 512 ranks on 1 MiB is simulated round by round") {
  const std::int64_t count = (std::int64_t{1} << 20) / 4;
  const Timeline timeline = simulate(collective_schedule(512, count), 1, load_cluster("ring-test"), free_compute());
  const double formula_s = 2 * 511 * (1 * us + 1 * MiB / (512 * 25 * GB));
  REQUIRE(relative_error(end_of(timeline), formula_s) <= 1e-9);
}

TEST_CASE("every collective algorithm takes the time of its closed form") {
  const Cluster cluster = load_cluster("ring-test");
  const LinkModel link = cluster.link(0, 1);
  for (const CollectiveAlgorithm& algorithm : collective_algorithms())
    for (const int n : {1, 2, 5, 8, 12})
      for (const int chunks : {1, 3}) {
        CAPTURE(algorithm.kind, algorithm.name, n, chunks);
        const std::int64_t count = std::int64_t{n} * chunks * 500;
        const Schedule schedule = collective_schedule(n, count, algorithm.kind, std::string(algorithm.name), chunks);
        const Timeline timeline = simulate(schedule, 1, cluster, free_compute());
        const double formula_s =
            algorithm.time_s({.world_size = n, .count = count, .chunks = chunks}, 4.0 * static_cast<double>(count), link);
        // Chunks of a tree overlap: the closed form of the binomial tree is an upper bound there, and exact for one chunk.
        if (chunks == 1 || algorithm.name == "ring")
          REQUIRE(std::abs(end_of(timeline) - formula_s) <= 1e-9 * formula_s);
        else
          REQUIRE(end_of(timeline) <= formula_s * (1 + 1e-9));
      }
}

TEST_CASE("an empty collective takes no time, and a message of no bytes its latency") {
  const Cluster cluster = switch_cluster(2, 1);
  REQUIRE(end_of(simulate(collective_schedule(2, 0), 1, cluster, free_compute())) == 0);
  const Timeline timeline = simulate(flows_schedule(2, {{0, 1, 0}}), 1, cluster, free_compute());
  REQUIRE(timeline.intervals.size() == 2);
  REQUIRE(relative_error(end_of(timeline), 5 * us) <= 1e-9);
}

TEST_CASE("putting in place what arrived comes after each round") {
  CostModel cost = free_compute();
  cost.receive_s = [](OnReceive on_receive, double bytes) { return on_receive == OnReceive::add ? bytes / (10 * GB) : 3 * us; };
  const int n = 5;
  const std::int64_t count = n * 1000;
  const Timeline timeline = simulate(collective_schedule(n, count), 1, load_cluster("ring-test"), cost);
  const double piece_bytes = 4000;
  const double formula_s = 2 * (n - 1) * (1 * us + piece_bytes / (25 * GB)) + (n - 1) * (piece_bytes / (10 * GB) + 3 * us);
  REQUIRE(relative_error(end_of(timeline), formula_s) <= 1e-9);
}
