// Cores that compute ops and messages share, against times worked out by hand. See Note [cores of a node] in machine.cpp.
#include <cmath>

#include "simulator/engine/simulate.h"
#include "tests/catch.h"
#include "tests/engine/schedules.h"

using namespace convoy;
using namespace convoy::testing;

namespace {

constexpr double kCompute_s = 10 * ms;
constexpr std::int64_t kBytes = 100'000'000;  // 10 ms at 10 GB/s

Cluster host(int devices, int cores, int cores_per_rank, double communication_cores) {
  Cluster cluster;
  cluster.name = "host";
  cluster.devices_per_node = devices;
  cluster.node_link = {0, 10 * GB};
  cluster.nic = {0, 10 * GB};
  cluster.cores_per_node = cores;
  cluster.cores_per_rank = cores_per_rank;
  cluster.communication_cores = communication_cores;
  return cluster;
}

/// Every rank computes on stream 0; on stream 1 it sends to the next rank and receives from the one before, when `exchange`.
Schedule compute_and_exchange(int ranks, bool exchange) {
  Schedule schedule = empty_schedule(ranks, 1);
  Program& program = schedule.programs[0];
  program.ops.push_back(compute_op("compute"));
  if (!exchange) return schedule;
  const Region out = add_buffer(program, "out", kBytes / 4);
  const Region in = add_buffer(program, "in", kBytes / 4);
  program.ops.push_back({"exchange", 1, {}, Exchange{.send = Message{{0, 1}, out, 7}, .recv = Message{{0, ranks - 1}, in, 7}}});
  return schedule;
}

double time_of(const Cluster& cluster, int ranks, bool exchange, double compute_s = kCompute_s) {
  const Timeline timeline = simulate(compute_and_exchange(ranks, exchange), 1, cluster, times_by_name({{"compute", compute_s}}));
  return end_of(timeline);
}

}  // namespace

TEST_CASE("two ranks that compute while two messages arrive take twice as long on two cores") {
  const Cluster cluster = host(2, 2, 1, 1);
  const Timeline timeline = simulate(compute_and_exchange(2, true), 1, cluster, times_by_name({{"compute", kCompute_s}}));
  REQUIRE(timeline.intervals.size() == 4);
  for (const Interval& interval : timeline.intervals) {
    REQUIRE(interval.start_s == 0);
    REQUIRE(relative_error(interval.end_s, 2 * kCompute_s) <= 1e-9);
  }
}

TEST_CASE("nothing slows down while there are cores enough") {
  REQUIRE(relative_error(time_of(host(2, 4, 1, 1), 2, true), kCompute_s) <= 1e-9);
  REQUIRE(relative_error(time_of(host(2, 2, 1, 1), 2, false), kCompute_s) <= 1e-9);
  REQUIRE(relative_error(time_of(host(2, 3, 1, 0.5), 2, true), kCompute_s) <= 1e-9);
  REQUIRE(relative_error(time_of(host(2, 2, 1, 0), 2, true), kCompute_s) <= 1e-9);
}

TEST_CASE("the slow-down is demand over cores, whatever each one needs") {
  // 4 ranks of 3 cores and 4 messages of half a core: a demand of 14 cores. All of them end at once.
  for (const int cores : {3, 4, 7, 10}) {
    CAPTURE(cores);
    const Timeline timeline =
        simulate(compute_and_exchange(4, true), 1, host(4, cores, 3, 0.5), times_by_name({{"compute", kCompute_s}}));
    REQUIRE(timeline.intervals.size() == 8);
    for (const Interval& interval : timeline.intervals) REQUIRE(relative_error(interval.end_s, kCompute_s * 14 / cores) <= 1e-9);
  }
}

TEST_CASE("what ends early leaves its cores to the others") {
  // A demand of 4 on 2 cores. The computing is done after 2 x 4 ms, when 4 of 10 ms of the messages are; then they have a core
  // each.
  REQUIRE(relative_error(time_of(host(2, 2, 1, 1), 2, true, 4 * ms), (8 + 6) * ms) <= 1e-9);
}

TEST_CASE("the latency of a message keeps no core busy") {
  Cluster cluster = host(2, 2, 1, 1);
  cluster.node_link.latency_s = 2 * ms;
  // 2 ms alone for the computing, then 8 ms of it shared take 16 ms; the messages are then 8 of 10 ms done.
  REQUIRE(relative_error(time_of(cluster, 2, true), (2 + 16 + 2) * ms) <= 1e-9);
}

TEST_CASE("nodes do not share cores, and messages between them are flows as well as work") {
  Cluster cluster = host(1, 1, 1, 1);
  cluster.nodes = 2;
  // The flow takes 10 ms; computing and receiving share the core for 20 ms.
  REQUIRE(relative_error(time_of(cluster, 2, true), 20 * ms) <= 1e-9);
  cluster.cores_per_node = 2;
  REQUIRE(relative_error(time_of(cluster, 2, true), 10 * ms) <= 1e-9);
  // Four messages out of one NIC: the flow takes 40 ms, the work 10 ms.
  Cluster wide = host(4, 64, 1, 1);
  wide.nodes = 2;
  std::vector<Flow> flows;
  for (int r = 0; r < 4; ++r) flows.push_back({r, r + 4, kBytes});
  REQUIRE(relative_error(end_of(simulate(flows_schedule(8, flows), 1, wide, free_compute())), 40 * ms) <= 1e-9);
}

TEST_CASE("adding what arrived is work for the receiver's cores") {
  CostModel cost = times_by_name({{"compute", 1.0}});
  cost.receive_s = [](OnReceive, double) { return 5 * ms; };
  Schedule schedule = collective_schedule(2, 2);  // two rounds of one element
  Cluster cluster = host(2, 1, 1, 1);
  cluster.node_link = {0, 1e15};
  // Two ranks add for 5 ms in each of 2 rounds on one core.
  REQUIRE(std::abs(end_of(simulate(schedule, 1, cluster, cost)) - 20 * ms) <= 1e-9 * 20 * ms);
}

TEST_CASE("communication takes its part of a device from compute ops beside it, and from nothing else") {
  // 10 ms of computing in two ops, and beside it from the start a collective of 4 ms; then 5 ms with nothing beside.
  Schedule schedule = empty_schedule(4, 1);
  Program& program = schedule.programs[0];
  const Region data = add_buffer(program, "data", 400);
  program.ops.push_back(compute_op("first"));
  program.ops.push_back(compute_op("second"));
  program.ops.push_back({"sum", 1, {}, Collective{CollectiveKind::all_reduce, "ring", 0, 0, 0, 1, data}});
  program.ops.push_back(compute_op("after", 0, {2}));
  const CostModel cost = times_by_name({{"first", 2 * ms}, {"second", 8 * ms}, {"after", 5 * ms}});
  SimulationOptions options{.collective_s = [](CollectiveKind, double, const std::vector<int>&) { return 4 * ms; },
                            .communication_share = 0.25};
  for (const Fidelity fidelity : {Fidelity::steps, Fidelity::flows, Fidelity::formula}) {
    options.fidelity = fidelity;
    const Timeline timeline = simulate(schedule, 1, switch_cluster(1, 4), cost, options);
    CAPTURE(to_string(fidelity));
    CHECK(relative_error(interval_of(timeline, 0, 0).end_s, 2 * ms / 0.75) <= 1e-9);
    CHECK(relative_error(interval_of(timeline, 0, 1).end_s, 11 * ms) <= 1e-9);  // 4 ms do the work of 3
    CHECK(relative_error(interval_of(timeline, 0, 3).end_s, 16 * ms) <= 1e-9);
  }
  Cluster cores = switch_cluster(1, 4);
  cores.cores_per_node = 4;
  CHECK_THROWS_AS(simulate(schedule, 1, cores, cost, options), std::invalid_argument);
}

TEST_CASE("a rank that waits for others in a collective loses its part as well") {
  // Rank 0 comes to the collective at once, rank 1 after 6 ms; it takes 2 ms more. Beside it rank 0 computes 8 ms.
  Schedule schedule = empty_schedule(2, 2);
  for (int rank = 0; rank < 2; ++rank) {
    Program& program = schedule.programs[static_cast<std::size_t>(rank)];
    const Region data = add_buffer(program, "data", 400);
    program.ops.push_back(compute_op(rank == 0 ? "beside" : "before"));
    program.ops.push_back({"sum", 1, rank == 0 ? std::vector<int>{} : std::vector<int>{0},
                           Collective{CollectiveKind::all_reduce, "ring", 0, 0, 0, 1, data}});
  }
  const SimulationOptions options{.collective_s = [](CollectiveKind, double, const std::vector<int>&) { return 2 * ms; },
                                  .communication_share = 0.5};
  const Timeline timeline =
      simulate(schedule, 1, switch_cluster(1, 2), times_by_name({{"beside", 8 * ms}, {"before", 6 * ms}}), options);
  CHECK(relative_error(interval_of(timeline, 1, 1).end_s, 8 * ms) <= 1e-9);
  CHECK(relative_error(interval_of(timeline, 0, 0).end_s, 12 * ms) <= 1e-9);  // half as fast for 8 ms
}
