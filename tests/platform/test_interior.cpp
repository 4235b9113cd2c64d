// Inside a node: which links a message takes, by name.
#include <cmath>

#include "reference/core/error.h"
#include "simulator/platform/bandwidth.h"
#include "simulator/platform/cluster.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

/// The names of a route, without "node0.".
std::string way(const Network& network, int from, int to) {
  std::vector<int> links;
  network.route(from, to, links);
  std::string text;
  for (const int link : links) {
    const std::string name = network.link_name(link);
    text += (text.empty() ? "" : " ") + (name.starts_with("node0.") ? name.substr(6) : name);
  }
  return text;
}

bool close(double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(b); }

}  // namespace

TEST_CASE("a hybrid cube mesh gives every device all its links and is symmetric") {
  const struct {
    const char* name;
    int links;
  } meshes[] = {{"cube_mesh_4", 4}, {"cube_mesh_6", 6}};
  for (const auto& mesh : meshes) {
    CAPTURE(mesh.name);
    const Wiring* wires = &wiring(mesh.name);
    Interior node{.devices = 8, .wiring = mesh.name, .link = {0, 1}};
    for (int a = 0; a < 8; ++a) {
      int links = 0;
      for (int b = 0; b < 8; ++b) {
        if (a == b) continue;
        REQUIRE(wires->links_between(node, a, b) == wires->links_between(node, b, a));
        links += wires->links_between(node, a, b);
      }
      REQUIRE(links == mesh.links);
    }
    node.devices = 4;
    REQUIRE(!wires->problem(node).empty());
  }
}

TEST_CASE("in a DGX-1 neighbours use their links, and others go over a third device") {
  const Network v100(load_cluster("dgx1-v100"));
  REQUIRE(way(v100, 0, 3) == "gpu0-gpu3");
  REQUIRE(v100.path(0, 3).bandwidth_bytes_per_s == 50e9);
  REQUIRE(v100.path(0, 1).bandwidth_bytes_per_s == 25e9);
  REQUIRE(way(v100, 7, 4) == "gpu7-gpu4");
  REQUIRE(way(v100, 0, 5) == "gpu0-gpu4 gpu4-gpu5");
  REQUIRE(close(v100.path(0, 5).latency_s, 4e-6));
  REQUIRE(v100.path(0, 7).bandwidth_bytes_per_s == 50e9);  // 2 links to GPU 4, 2 links on
  const Network p100(load_cluster("dgx1-p100"));
  REQUIRE(p100.path(0, 3).bandwidth_bytes_per_s == 20e9);
  // Between the halves: 4 pairs that are joined, in both machines the only links.
  REQUIRE(way(v100, 0, 8) == "gpu0.pcie.up nic0.up node1.nic0.down node1.gpu0.pcie.down");
  REQUIRE(way(v100, 0, v100.host(0)) == "gpu0.pcie.up pcie0.up host.down");
  REQUIRE(way(v100, v100.host(0), 7) == "host.up socket0-socket1 pcie3.down gpu7.pcie.down");
  REQUIRE(way(v100, 0, v100.host(1)) == "gpu0.pcie.up nic0.up node1.nic0.down node1.pcie0.up node1.host.down");
}

TEST_CASE("in a PCIe tree devices of one switch do not leave it, and others cross the sockets") {
  Cluster cluster;
  cluster.devices_per_node = 8;
  cluster.wiring = "none";
  cluster.pcie = {.link = {5e-6, 15.75e9}, .socket_link = {1e-6, 10e9}, .sockets = 2, .switches_per_socket = 2};
  const Network network(cluster);
  REQUIRE(way(network, 0, 1) == "gpu0.pcie.up gpu1.pcie.down");
  REQUIRE(way(network, 0, 2) == "gpu0.pcie.up pcie0.up pcie1.down gpu2.pcie.down");
  REQUIRE(way(network, 3, 4) == "gpu3.pcie.up pcie1.up socket0-socket1 pcie2.down gpu4.pcie.down");
  REQUIRE(network.path(0, 1).bandwidth_bytes_per_s == 15.75e9);
  REQUIRE(network.path(3, 4).bandwidth_bytes_per_s == 10e9);
  REQUIRE(close(network.path(3, 4).latency_s, 6e-6));
  REQUIRE(close(bisection_bytes_per_s(network), 10e9));  // the sockets' link
  REQUIRE(network.link_name(throughput(network, pairs_across_halves(8)).busiest_link) == "node0.socket0-socket1");
}

TEST_CASE("a bridge joins a pair, and PCIe the rest") {
  const Network network(load_cluster("workstation-3090"));
  REQUIRE(way(network, 0, 1) == "gpu0-gpu1");
  REQUIRE(network.path(2, 3).bandwidth_bytes_per_s == 56.25e9);
  REQUIRE(way(network, 1, 2) == "gpu1.pcie.up gpu2.pcie.down");
  REQUIRE(network.path(1, 2).bandwidth_bytes_per_s == 31.5e9);
}

TEST_CASE("all pairs have their links, and NICs belong to the nearest devices") {
  const Network network(load_cluster("abci-v100"));
  for (int a = 0; a < 4; ++a)
    for (int b = 0; b < 4; ++b)
      if (a != b) REQUIRE(network.path(a, b).bandwidth_bytes_per_s == 50e9);
  REQUIRE(way(network, 3, 4) == "gpu3.pcie.up nic1.up node1.nic0.down node1.gpu0.pcie.down");
  REQUIRE(way(network, 0, 17 * 4) ==
          "gpu0.pcie.up nic0.up level1.switch0.up level1.switch1.down node17.nic0.down node17.gpu0.pcie.down");
}

TEST_CASE("what has no way between devices says what to add") {
  Cluster cluster;
  cluster.devices_per_node = 4;
  cluster.wiring = "pairs";
  cluster.node_link = {1e-6, 1e9};
  const Network network(cluster);
  REQUIRE_THROWS_AS(network.path(1, 2), InputError);
  REQUIRE_THROWS_AS(network.path(0, network.host(0)), InputError);
  REQUIRE_THROWS_AS(network.path(0, 5), std::invalid_argument);
}
