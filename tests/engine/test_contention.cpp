// What happens on links that several messages use, against times worked out by hand.
#include <cmath>

#include "simulator/engine/simulate.h"
#include "tests/catch.h"
#include "tests/engine/schedules.h"

using namespace convoy;
using namespace convoy::testing;

namespace {

/// Ends of the flows, at the receiver.
std::vector<double> flow_ends(const Cluster& cluster, int ranks, const std::vector<Flow>& flows) {
  const Timeline timeline = simulate(flows_schedule(ranks, flows), 1, cluster, free_compute());
  std::vector<double> ends;
  for (std::size_t i = 0; i < flows.size(); ++i) {
    const std::string name = "flow" + std::to_string(i);
    const Schedule schedule = flows_schedule(ranks, flows);
    const auto& ops = schedule.program(flows[i].to).ops;
    for (std::size_t op = 0; op < ops.size(); ++op)
      if (ops[op].name == name) ends.push_back(interval_of(timeline, flows[i].to, static_cast<int>(op)).end_s);
  }
  return ends;
}

constexpr std::int64_t kBytes = 100'000'000;

}  // namespace

TEST_CASE("one message between nodes takes the latency of the NIC and the bandwidth of the narrowest link") {
  Cluster cluster = switch_cluster(2, 2);
  REQUIRE(relative_error(flow_ends(cluster, 4, {{0, 2, kBytes}}).at(0), 5 * us + kBytes / (10 * GB)) <= 1e-9);
  REQUIRE(relative_error(flow_ends(cluster, 4, {{3, 1, kBytes}}).at(0), 5 * us + kBytes / (10 * GB)) <= 1e-9);
  REQUIRE(relative_error(flow_ends(cluster, 4, {{0, 1, kBytes}}).at(0), 2 * us + kBytes / (100 * GB)) <= 1e-9);
  cluster.node_link.bandwidth_bytes_per_s = 4 * GB;
  REQUIRE(relative_error(flow_ends(cluster, 4, {{0, 2, kBytes}}).at(0), 5 * us + kBytes / (4 * GB)) <= 1e-9);
}

TEST_CASE("two messages into one device get half of its link each") {
  const Cluster cluster = switch_cluster(1, 3);
  for (const double end : flow_ends(cluster, 3, {{0, 2, kBytes}, {1, 2, kBytes}}))
    REQUIRE(relative_error(end, 2 * us + 2 * kBytes / (100 * GB)) <= 1e-9);
}

TEST_CASE("messages in opposite directions do not slow each other down") {
  const Cluster cluster = switch_cluster(2, 1);
  for (const double end : flow_ends(cluster, 2, {{0, 1, kBytes}, {1, 0, kBytes}}))
    REQUIRE(relative_error(end, 5 * us + kBytes / (10 * GB)) <= 1e-9);
}

TEST_CASE("devices that share a NIC share its bandwidth, devices with a NIC each do not") {
  const std::vector<Flow> flows = {{0, 4, kBytes}, {1, 5, kBytes}, {2, 6, kBytes}, {3, 7, kBytes}};
  for (const int nics : {1, 2, 4}) {
    CAPTURE(nics);
    for (const double end : flow_ends(switch_cluster(2, 4, nics), 8, flows))
      REQUIRE(relative_error(end, 5 * us + 4.0 / nics * kBytes / (10 * GB)) <= 1e-9);
  }
}

TEST_CASE("messages within a node do not use the NIC") {
  const std::vector<double> ends = flow_ends(switch_cluster(2, 4), 8, {{0, 4, kBytes}, {1, 2, kBytes}, {5, 6, kBytes}});
  REQUIRE(relative_error(ends.at(0), 5 * us + kBytes / (10 * GB)) <= 1e-9);
  REQUIRE(relative_error(ends.at(1), 2 * us + kBytes / (100 * GB)) <= 1e-9);
  REQUIRE(relative_error(ends.at(2), 2 * us + kBytes / (100 * GB)) <= 1e-9);
}

TEST_CASE("messages of different latencies share a link evenly") {
  // Both end at device 1: one comes from the same node, with a tenth of the latency of the one from the other node.
  Cluster cluster = switch_cluster(2, 2);
  cluster.node_link = {1 * us, 10 * GB};
  cluster.nic = {10 * us, 10 * GB};
  const std::vector<double> ends = flow_ends(cluster, 4, {{0, 1, kBytes}, {2, 1, kBytes}});
  // The first is alone for 9 us, then each has half; after the first has ended the second has what it is behind left.
  const double head_start = 9 * us * 10 * GB;
  const double first_s = 10 * us + (kBytes - head_start) / (5 * GB);
  REQUIRE(relative_error(ends.at(0), first_s) <= 1e-9);
  REQUIRE(relative_error(ends.at(1), first_s + head_start / (10 * GB)) <= 1e-9);
}

TEST_CASE("what one message cannot use goes to the others") {
  // Three messages leave node 0 by its one NIC; the first also shares the NIC of node 1 with one from node 2.
  const std::vector<double> ends = flow_ends(switch_cluster(4, 2), 8, {{0, 2, kBytes}, {4, 3, 2 * kBytes}, {1, 6, kBytes}});
  REQUIRE(relative_error(ends.at(0), 5 * us + kBytes / (5 * GB)) <= 1e-9);
  REQUIRE(relative_error(ends.at(2), 5 * us + kBytes / (5 * GB)) <= 1e-9);
  REQUIRE(relative_error(ends.at(1), 5 * us + kBytes / (5 * GB) + kBytes / (10 * GB)) <= 1e-9);
}

TEST_CASE("many messages into one NIC take turns as a whole") {
  std::vector<Flow> flows;
  for (int r = 1; r < 32; ++r) flows.push_back({r, 0, kBytes});
  for (const double end : flow_ends(switch_cluster(32, 1), 32, flows))
    REQUIRE(relative_error(end, 5 * us + 31.0 * kBytes / (10 * GB)) <= 1e-9);
}
