// Transfers on every topology, simulated, against the formulas in its file.
#include "reference/core/error.h"
#include "simulator/engine/simulate.h"
#include "simulator/platform/bandwidth.h"
#include "tests/catch.h"
#include "tests/engine/schedules.h"
#include "tests/platform/networks.h"

using namespace convoy;
using namespace convoy::testing;

namespace {

constexpr std::int64_t kBytes = 100'000'000;

}  // namespace

TEST_CASE("a message alone takes its path's latency and bandwidth on every topology") {
  for (const Cluster& cluster : clusters_of_all_topologies()) {
    const Network network(cluster);
    const TopologyKind& kind = topology_kind(cluster.topology.kind);
    CAPTURE(kind.name, cluster.nodes);
    const double nic = cluster.nic.bandwidth_bytes_per_s > 0 ? cluster.nic.bandwidth_bytes_per_s : HUGE_VAL;
    for (const int to : {1, cluster.nodes / 2, cluster.nodes - 1}) {
      const double time_s = end_of(simulate(flows_schedule(cluster.nodes, {{0, to, kBytes}}), 1, cluster, free_compute()));
      const double bandwidth = std::min(nic, kind.pair_bandwidth_bytes_per_s(network.fabric(), 0, to));
      REQUIRE(relative_error(time_s, network.path(0, to).latency_s + kBytes / bandwidth) <= 1e-9);
    }
  }
}

TEST_CASE("the halves of a cluster exchange at the bisection bandwidth of the topology's formula") {
  for (Cluster cluster : clusters_of_all_topologies()) {
    CAPTURE(cluster.topology.kind, cluster.nodes);
    if (cluster.nodes % 2 != 0 || cluster.nodes > 12) continue;  // n^2/4 flows
    // All flows begin at once: without latencies.
    cluster.nic.latency_s = cluster.topology.link.latency_s = cluster.topology.global_link.latency_s = 0;
    cluster.topology.hop_latency_s = 0;
    std::vector<Flow> flows;
    for (const auto& [from, to] : pairs_across_halves(cluster.nodes)) flows.push_back({from, to, kBytes});
    const double time_s = end_of(simulate(flows_schedule(cluster.nodes, flows), 1, cluster, free_compute()));
    const double bytes = static_cast<double>(flows.size()) * kBytes;
    REQUIRE(relative_error(bytes / time_s, bisection_bytes_per_s(Network(cluster))) <= 1e-9);
  }
}

TEST_CASE("GPUs that go over the same third GPU share its links") {
  Cluster cluster = load_cluster("dgx1-v100");
  cluster.nodes = 1;
  // 0 to 5 goes over 4, whose single link to 5 carries the message of 4 as well.
  const std::vector<Flow> flows = {{0, 5, kBytes}, {4, 5, kBytes}};
  const Timeline timeline = simulate(flows_schedule(8, flows), 1, cluster, free_compute());
  REQUIRE(end_of(timeline) > 2 * kBytes / 25e9);
  REQUIRE(end_of(timeline) < 2 * kBytes / 25e9 + 5e-6);
}

TEST_CASE("the ring of ASTRA-sim's example has a link for each way between neighbours") {
  const Cluster cluster = load_cluster("ring-50GiBps-500ns");
  const Timeline timeline = simulate(flows_schedule(4, {{0, 1, kBytes}, {1, 0, kBytes}, {1, 2, kBytes}, {0, 2, kBytes}}), 1,
                                     cluster, free_compute());
  // 1 to 2 and 0 to 2 share the link from 1 to 2, and 0 to 1 and 0 to 2 that from 0 to 1: two messages on each.
  REQUIRE(end_of(timeline) > 2 * kBytes / (50 * GiB));
  REQUIRE(end_of(timeline) < 2 * kBytes / (50 * GiB) + 1.1e-6);
}
