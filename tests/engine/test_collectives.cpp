// Simulated collectives against the closed forms of reference/collectives, where nothing is shared.
#include <algorithm>
#include <cmath>

#include "reference/schedule/ideal.h"
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

TEST_CASE("every collective algorithm takes the time of its closed form, on one channel and on several") {
  const Cluster cluster = load_cluster("ring-test");
  const LinkModel link = cluster.link(0, 1);
  int compared = 0;
  for (const CollectiveAlgorithm& algorithm : collective_algorithms())
    for (const int n : {1, 2, 5, 8, 12})
      for (const int parts : {1, 2}) {
        CAPTURE(to_string(algorithm.kind), algorithm.name, n, parts);
        const std::int64_t count = std::int64_t{n} * parts * parts * 480;
        const double bytes = 4.0 * static_cast<double>(count);
        CollectiveRequest request{.world_size = n, .count = count, .chunks = parts, .channels = parts};
        if (!why_not(algorithm, request).empty() || algorithm.time_s == nullptr) continue;
        const double formula_s = algorithm.time_s(request, bytes, link);
        if (std::isnan(formula_s)) continue;
        const Schedule schedule = collective_schedule(n, count, algorithm.kind, std::string(algorithm.name), parts, parts);
        const Timeline timeline = simulate(schedule, 1, cluster, free_compute());
        REQUIRE(std::abs(end_of(timeline) - formula_s) <= 1e-9 * formula_s);
        ++compared;
      }
  REQUIRE(compared > 100);
}

TEST_CASE("two trees at once come near the bytes of the ring and the latencies of a tree") {
  const Cluster cluster = load_cluster("ring-test");
  const LinkModel link = cluster.link(0, 1);
  const std::int64_t count = 16 << 20;
  constexpr int kChunks = 128;
  const double once_s = 4.0 * static_cast<double>(count) / link.bandwidth_bytes_per_s;
  for (const CollectiveKind kind : {CollectiveKind::broadcast, CollectiveKind::reduce, CollectiveKind::all_reduce})
    for (const int n : {2, 8, 13, 32}) {
      const Schedule schedule = collective_schedule(n, count, kind, "double_binary_tree", kChunks);
      const double time_s = end_of(simulate(schedule, 1, cluster, free_compute()));
      // Every byte leaves the root, or comes to it; and no round is longer than one message.
      const double least_s = (kind == CollectiveKind::all_reduce ? 2 : 1) * once_s;
      const CollectiveAlgorithm& trees = collective_algorithm(kind, "double_binary_tree");
      const auto rounds = static_cast<double>(trees.round_count({.world_size = n, .count = count, .chunks = kChunks}));
      CAPTURE(to_string(kind), n, time_s / least_s);
      REQUIRE(time_s >= least_s);
      REQUIRE(time_s <= rounds * (link.latency_s + once_s / (2 * kChunks)) * (1 + 1e-9));
      REQUIRE(time_s <= 1.25 * least_s);
      // A rank sends once and receives once at a time, so nothing is shared.
      const Timeline formula = ideal(schedule, 1, free_compute(), [&](int, int) { return link; });
      REQUIRE(relative_error(time_s, end_of(formula)) <= 1e-9);
    }
  const auto small_s = [&](const char* algorithm) {
    return end_of(simulate(collective_schedule(32, 64, CollectiveKind::all_reduce, algorithm), 1, cluster, free_compute()));
  };
  REQUIRE(small_s("double_binary_tree") < 0.5 * small_s("ring"));
}

TEST_CASE("channels of a hierarchical all-reduce and of rings over nodes use all NICs") {
  // 2 nodes of 4 devices; 4 NICs of 10 GB/s a node, so that one ring uses a quarter of them.
  const Cluster cluster = switch_cluster(2, 4, 4);
  const auto time_s = [&](const char* algorithm, int channels) {
    Schedule schedule = collective_schedule(8, 8 << 20, CollectiveKind::all_reduce, algorithm, 1, channels);
    std::get<Collective>(schedule.programs[0].ops[0].action).ranks_per_node = 4;
    return end_of(simulate(schedule, 1, cluster, free_compute()));
  };
  const double ring_s = time_s("ring", 1);
  const double rings_s = time_s("ring", 4);
  const double hierarchical_s = time_s("hierarchical", 1);
  CAPTURE(ring_s, rings_s, hierarchical_s);
  REQUIRE(rings_s < 0.35 * ring_s);
  REQUIRE(hierarchical_s < 0.35 * ring_s);
  // Phases 1 and 3 on links of 100 GB/s and 2 us, phase 2 on a NIC a device of 10 GB/s and 5 us.
  const double bytes = 4.0 * (8 << 20);
  const double formula_s = 2 * 3 * (2 * us + bytes / (4 * 100 * GB)) + 2 * (5 * us + bytes / (8 * 10 * GB));
  REQUIRE(relative_error(hierarchical_s, formula_s) <= 1e-9);
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
