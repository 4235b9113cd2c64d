// The links and routes of every topology, against the formulas in its file.
#include "tests/platform/networks.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "reference/core/error.h"
#include "simulator/platform/bandwidth.h"
#include "simulator/platform/drawing.h"
#include "tests/catch.h"

using namespace convoy;
using namespace convoy::testing;

namespace {

bool close(double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(b); }

bool is_of_a_node(const Network& network, int link) { return link >= network.first_link(0); }

/// The latency that the files of the topologies state, worked out from hops; sums of several kinds of links are not covered.
double latency_s(const Network& network, int from, int to) {
  const Topology& topology = network.topology();
  const int hops = topology_kind(topology.kind).hops(network.fabric(), from, to);
  const double nic_s = network.interior(0).nic.latency_s;
  if (topology.kind == "joined") return nic_s + (hops == 2 ? topology.link.latency_s : 0);
  if (topology.kind == "fat_tree") return nic_s + hops * topology.hop_latency_s;
  return nic_s + hops * topology.link.latency_s;
}

}  // namespace

TEST_CASE("every topology of the table has a cluster in these tests") {
  std::set<std::string> tested;
  for (const Cluster& cluster : clusters_of_all_topologies()) tested.insert(cluster.topology.kind);
  for (const TopologyKind& kind : topology_table()) REQUIRE(tested.contains(kind.name));
}

TEST_CASE("routes have the hops, latency and bandwidth of their topology's formulas") {
  for (const Cluster& cluster : clusters_of_all_topologies()) {
    const Network network(cluster);
    const TopologyKind& kind = topology_kind(cluster.topology.kind);
    CAPTURE(kind.name, cluster.nodes);
    const double nic = cluster.nic.bandwidth_bytes_per_s > 0 ? cluster.nic.bandwidth_bytes_per_s : HUGE_VAL;
    std::vector<int> links;
    for (int a = 0; a < cluster.nodes; ++a)
      for (int b = 0; b < cluster.nodes; ++b) {
        if (a == b) continue;
        CAPTURE(a, b);
        network.route(a, b, links);
        REQUIRE(std::set<int>(links.begin(), links.end()).size() == links.size());
        const auto between = std::count_if(links.begin(), links.end(), [&](int link) { return !is_of_a_node(network, link); });
        REQUIRE(between == kind.hops(network.fabric(), a, b));
        REQUIRE(static_cast<int>(links.size()) - between == (nic < HUGE_VAL ? 2 : 0));
        const LinkModel path = network.path(a, b);
        REQUIRE(path.bandwidth_bytes_per_s == std::min(nic, kind.pair_bandwidth_bytes_per_s(network.fabric(), a, b)));
        REQUIRE(cluster.link(a, b).bandwidth_bytes_per_s == path.bandwidth_bytes_per_s);
        REQUIRE(cluster.link(a, b).latency_s == path.latency_s);
        if (kind.name != "dragonfly") REQUIRE(close(path.latency_s, latency_s(network, a, b)));
      }
  }
}

TEST_CASE("what the halves of a cluster can exchange is the bisection bandwidth of the topology's formula") {
  for (const Cluster& cluster : clusters_of_all_topologies()) {
    const Network network(cluster);
    CAPTURE(cluster.topology.kind, cluster.nodes);
    if (cluster.nodes % 2 != 0) continue;
    REQUIRE(close(throughput(network, pairs_across_halves(cluster.nodes)).bytes_per_s, bisection_bytes_per_s(network)));
  }
}

TEST_CASE("bisection bandwidths are those worked out by hand") {
  const LinkModel link{0, 4 * GB};
  const auto bisection = [](int nodes, Topology topology) {
    return bisection_bytes_per_s(Network(joined_nodes(nodes, std::move(topology))));
  };
  REQUIRE(bisection(8, {.kind = "switch"}) == 40 * GB);                                                    // 4 NICs of 10
  REQUIRE(bisection(8, {.kind = "ring", .link = link}) == 8 * GB);                                         // 2 links
  REQUIRE(bisection(16, {.kind = "fat_tree", .extents = {4, 4}, .over_subscription = {2}}) == 40 * GB);    // 80 / 2
  REQUIRE(bisection(16, {.kind = "torus", .link = link, .extents = {4, 4}}) == 32 * GB);                   // 2 * 4 links
  REQUIRE(bisection(4, {.kind = "fully_connected", .link = link}) == 16 * GB);                             // 4 links of 4
  REQUIRE(bisection(8, {.kind = "dragonfly", .link = link, .global_link = {0, 1 * GB}, .extents = {1, 2, 4}}) == 4 * GB);
}

TEST_CASE("a dragonfly's way is local, global, local, each where the routers differ") {
  const Topology topology{.kind = "dragonfly",
                          .link = {0.2 * us, 100 * GB},
                          .global_link = {1 * us, 3 * GB},
                          .extents = {2, 3, 4},
                          .hop_latency_s = 0.1 * us};
  const Network network(joined_nodes(24, topology));
  const auto names = [&](int from, int to) {
    std::vector<int> links;
    network.route(from, to, links);
    std::string text;
    for (const int link : links) text += network.link_name(link) + " ";
    return text;
  };
  // Three global links of group 0, to groups 1, 2, 3, at routers 0, 1, 2.
  REQUIRE(names(0, 1) == "node0.nic0.up node1.nic0.down ");
  REQUIRE(names(0, 3) == "node0.nic0.up group0.router0-router1 node3.nic0.down ");
  REQUIRE(names(0, 10) == "node0.nic0.up group0.router0-group1.router2 node10.nic0.down ");
  REQUIRE(close(network.path(0, 3).latency_s, 5 * us + 0.3 * us));
  REQUIRE(close(network.path(0, 10).latency_s, 5 * us + 1.1 * us));
  REQUIRE(close(network.path(2, 6).latency_s, 5 * us + 0.3 * us + 1.1 * us + 0.3 * us));
}

TEST_CASE("links have names of their own, and the first ranks use the first links") {
  std::vector<Cluster> clusters = clusters_of_all_topologies();
  for (const char* name : {"dgx1-v100", "workstation-3090", "mixed-p100-v100", "abci-v100"}) {
    clusters.push_back(load_cluster(name));
    if (clusters.back().others.empty()) clusters.back().nodes = std::min(clusters.back().nodes, 18);
  }
  for (const Cluster& cluster : clusters) {
    const Network network(cluster);
    CAPTURE(cluster.name, cluster.nodes);
    std::set<std::string> names;
    int used = 0;
    for (int link = 0; link < network.links(); ++link)
      if (network.bandwidth_bytes_per_s(link) > 0) {
        ++used;
        names.insert(network.link_name(link));
      }
    REQUIRE(static_cast<int>(names.size()) == used);
    std::vector<int> links;
    const int few = std::min(network.ranks(), 20);
    for (int a = 0; a < few; ++a)
      for (int b = 0; b < few; ++b) {
        network.route(a, b, links);
        for (const int link : links) REQUIRE((link < network.links_of_first(few) && network.bandwidth_bytes_per_s(link) > 0));
      }
  }
}

TEST_CASE("nodes of two kinds keep their devices, NICs and links") {
  const Cluster cluster = load_cluster("mixed-p100-v100");
  const Network network(cluster);
  REQUIRE(cluster.world_size() == 128);
  REQUIRE(cluster.total_nodes() == 16);
  REQUIRE(network.node_of(63) == 7);
  REQUIRE(cluster.node_of(64) == 8);
  REQUIRE(cluster.nic_of(71) == 3);
  REQUIRE(network.path(0, 3).bandwidth_bytes_per_s == 20e9);
  REQUIRE(network.path(64, 67).bandwidth_bytes_per_s == 50e9);
  REQUIRE(network.path(0, 64).bandwidth_bytes_per_s == 12.5e9);
}

TEST_CASE("a cluster of 16,384 ranks is a small value whose routes are quick to find") {
  const Network network(load_cluster("dgx-a100-fat-tree"));
  REQUIRE(network.ranks() == 16384);
  REQUIRE(bisection_bytes_per_s(network) == 1024 * 8 * 25e9);
  std::vector<int> links;
  std::size_t longest = 0;
  for (int i = 0; i < 100'000; ++i) {
    network.route(i % 16384, (i * 7919 + 13) % 16384, links);
    longest = std::max(longest, links.size());
  }
  REQUIRE(longest == 8);  // device, NIC, two levels; and down again
}

TEST_CASE("every cluster is drawn with its links and their bandwidth") {
  for (const std::string& name : cluster_names()) {
    CAPTURE(name);
    const std::string dot = draw_cluster(load_cluster(name));
    REQUIRE(dot.starts_with("graph cluster {"));
    REQUIRE(dot.ends_with("}\n"));
    REQUIRE(dot.size() < 100'000);
  }
  const std::string dgx = draw_cluster(load_cluster("dgx1-v100"));
  const auto has = [&](const std::string& line) { return dgx.find(line) != std::string::npos; };
  REQUIRE(has("\"node0.gpu0\" -- \"node0.gpu3\" [label=\"50 GB/s\"];"));
  REQUIRE(has("\"node0.gpu0\" -- \"node0.gpu1\" [label=\"25 GB/s\"];"));
  REQUIRE(!has("\"node0.gpu0\" -- \"node0.gpu5\""));
  REQUIRE(has("\"node0.nic3\" -- \"level1.switch0\" [label=\"12.5 GB/s\"];"));
  REQUIRE(has("\"level1.switch7\" -- \"top\" [label=\"800 GB/s\"];"));  // 16 nodes of 4 NICs
  REQUIRE(has("drawn: the first and the last 8 nodes"));
}
