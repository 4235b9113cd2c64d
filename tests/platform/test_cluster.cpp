#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>

#include "reference/core/error.h"
#include "reference/core/random.h"
#include "reference/core/units.h"
#include "simulator/platform/cluster.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

template <class F>
std::string input_error_of(const F& f) {
  try {
    f();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("every cluster that comes with Convoy can be read and is named as its file") {
  REQUIRE(cluster_names().size() >= 6);
  for (const std::string& name : cluster_names()) {
    CAPTURE(name);
    const Cluster cluster = load_cluster(name);
    REQUIRE(cluster.name == name);
    REQUIRE(!cluster.description.empty());
    REQUIRE(!cluster.device.source.empty());
    REQUIRE(cluster.device.memory_bandwidth_bytes_per_s > 0);
    if (cluster.devices_per_node > 1) REQUIRE(cluster.link(0, 1).bandwidth_bytes_per_s > 0);
    if (cluster.nodes > 1) REQUIRE(cluster.link(0, cluster.world_size() - 1).bandwidth_bytes_per_s > 0);
    const std::string file = std::string(CONVOY_SOURCE_DIR) + "/simulator/platform/clusters/" + name + ".yaml";
    REQUIRE(load_cluster(file) == cluster);
  }
}

TEST_CASE("the numbers of a cluster file arrive in bytes and seconds") {
  const Cluster cluster = load_cluster("dgx-v100");
  REQUIRE(cluster.devices_per_node == 8);
  REQUIRE(cluster.node_link.bandwidth_bytes_per_s == 150e9);
  REQUIRE(cluster.nics_per_node == 4);
  REQUIRE(cluster.nic.bandwidth_bytes_per_s == 12.5e9);
  REQUIRE(cluster.nic.latency_s == Approx(5e-6));
  REQUIRE(cluster.device.peak_flops_per_s.at("fp32") == 15.7e12);
  REQUIRE(cluster.device.memory_bytes == std::int64_t{16} << 30);
  const Cluster machine = load_cluster("two-core-machine");
  REQUIRE(machine.world_size() == 2);
  REQUIRE(machine.cores_per_node == 2);
  REQUIRE(machine.communication_cores == 1);
}

TEST_CASE("every device states peaks, memory and where they are from") {
  std::set<std::string> names;
  const std::vector<std::string> precisions = precision_names();
  for (const Device& device : device_table()) {
    CAPTURE(device.name);
    REQUIRE(names.insert(device.name).second);
    REQUIRE(device.peak_flops_per_s.contains("fp32"));
    for (const auto& [precision, peak] : device.peak_flops_per_s) {
      REQUIRE(std::find(precisions.begin(), precisions.end(), precision) != precisions.end());
      REQUIRE(peak >= 0.1e12);
      REQUIRE(peak <= 1e16);
    }
    REQUIRE(device.memory_bandwidth_bytes_per_s >= 100e9);
    REQUIRE(device.memory_bytes >= std::int64_t{4} << 30);
    const bool gpu = contains(device.source, "NVIDIA") || contains(device.source, "AMD");
    REQUIRE(gpu != contains(device.source, "Intel"));
    REQUIRE(device.launch_overhead_s == (gpu ? 5 * us : 0));
  }
}

TEST_CASE("a message between nodes has the latency of the NIC and the narrower bandwidth") {
  Cluster cluster = load_cluster("dgx-v100");
  REQUIRE(cluster.link(0, 7).bandwidth_bytes_per_s == 150e9);
  REQUIRE(cluster.link(0, 7).latency_s == cluster.node_link.latency_s);
  REQUIRE(cluster.link(7, 8).bandwidth_bytes_per_s == 12.5e9);
  REQUIRE(cluster.link(8, 7).latency_s == cluster.nic.latency_s);
  cluster.node_link.bandwidth_bytes_per_s = 3e9;
  REQUIRE(cluster.link(7, 8).bandwidth_bytes_per_s == 3e9);
  REQUIRE(cluster.link(5, 5).time_s(1e9) == 0);
  REQUIRE_THROWS_AS(cluster.link(0, cluster.world_size()), std::invalid_argument);
  REQUIRE_THROWS_AS(cluster.link(-1, 0), std::invalid_argument);
}

TEST_CASE("a node with one device has no device link, and a cluster of one node no NIC") {
  const Cluster flat = load_cluster("flat-100gbit");
  REQUIRE(flat.node_link.bandwidth_bytes_per_s == 0);
  REQUIRE(flat.link(0, 1).bandwidth_bytes_per_s == 12.5e9);
  Cluster one_node = load_cluster("two-core-machine");
  one_node.nodes = 2;
  REQUIRE(contains(input_error_of([&] { (void)one_node.link(1, 2); }), "has no node.nic"));
}

TEST_CASE("devices share NICs evenly, node by node") {
  Cluster cluster;
  cluster.nodes = 3;
  cluster.devices_per_node = 8;
  const auto nics = [&](int count) {
    cluster.nics_per_node = count;
    std::vector<int> of;
    for (int rank = 8; rank < 16; ++rank) of.push_back(cluster.nic_of(rank));
    return of;
  };
  REQUIRE(nics(1) == std::vector<int>{0, 0, 0, 0, 0, 0, 0, 0});
  REQUIRE(nics(4) == std::vector<int>{0, 0, 1, 1, 2, 2, 3, 3});
  REQUIRE(nics(3) == std::vector<int>{0, 0, 0, 1, 1, 1, 2, 2});
  REQUIRE(nics(8) == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
  REQUIRE(nics(16) == std::vector<int>{0, 2, 4, 6, 8, 10, 12, 14});
  REQUIRE(cluster.node_of(15) == 1);
  REQUIRE(cluster.node_of(16) == 2);
}

TEST_CASE("what to_yaml writes is read back bit for bit") {
  for (const std::string& name : cluster_names()) {
    CAPTURE(name);
    const Cluster cluster = load_cluster(name);
    REQUIRE(parse_cluster(to_yaml(cluster), "written.yaml") == cluster);
  }
  Random random(11);
  for (int i = 0; i < 200; ++i) {
    CAPTURE(i);
    Cluster cluster;
    cluster.name = "1.5: \"odd\" # name\ttab";
    cluster.description = i % 2 == 0 ? "" : "two\nlines, {braces} and ümläuts";
    cluster.nodes = 1 + static_cast<int>(random.below(1000));
    cluster.devices_per_node = 1 + static_cast<int>(random.below(16));
    cluster.device = {"my device",
                      {{"fp32", random.uniform(1e9, 1e14)}, {"bf16", random.uniform(1e9, 1e15)}},
                      random.uniform(1e8, 1e13),
                      random.below(1'000'000'000'000),
                      random.uniform(0, 1e-4),
                      "a test"};
    cluster.node_link = {random.uniform(0, 1e-4), random.uniform(1e6, 1e12)};
    cluster.nics_per_node = 1 + static_cast<int>(random.below(8));
    cluster.nic = {random.uniform(0, 1e-3), random.uniform(1e6, 1e11)};
    if (i % 3 == 0) {
      cluster.cores_per_node = 4 + static_cast<int>(random.below(60));
      cluster.cores_per_rank = 1 + static_cast<int>(random.below(4));
      cluster.communication_cores = random.uniform(0, 4);
    }
    const std::string yaml = to_yaml(cluster);
    CAPTURE(yaml);
    REQUIRE(parse_cluster(yaml, "written.yaml") == cluster);
  }
}

TEST_CASE("a cluster is found by name or path, and the nearest name is suggested") {
  const std::string message = input_error_of([] { load_cluster("dgx-v10"); });
  REQUIRE(contains(message, "unknown cluster 'dgx-v10'; did you mean 'dgx-v100'?"));
  REQUIRE(contains(input_error_of([] { load_cluster("nowhere/my.yaml"); }), "cannot read the cluster file 'nowhere/my.yaml'"));
  REQUIRE(contains(input_error_of([] { load_cluster("my.yaml"); }), "cannot read"));
  REQUIRE(contains(input_error_of([] { load_cluster("/"); }), "cannot read"));

  const std::filesystem::path path = std::filesystem::temp_directory_path() / cat("convoy_test_cluster_", getpid(), ".yaml");
  Cluster cluster = load_cluster("dgx-a100");
  cluster.name = "mine";
  std::ofstream(path) << to_yaml(cluster);
  const Cluster read = load_cluster(path.string());
  std::filesystem::remove(path);
  REQUIRE(read == cluster);
}

TEST_CASE("too few devices is an error that says how many there are") {
  const Cluster cluster = load_cluster("dgx-v100");
  require_ranks(cluster, 1024);
  const std::string message = input_error_of([&] { require_ranks(cluster, 1025); });
  REQUIRE(contains(message, "has 1024 devices (128 nodes of 8)"));
  REQUIRE(contains(message, "with @129 behind the cluster"));
}

TEST_CASE("@N behind a cluster asks for so many nodes, where its topology can have them") {
  const Cluster more = load_cluster("dgx-h100@512");
  REQUIRE(more.world_size() == 4096);
  REQUIRE(more.name == "dgx-h100@512");
  REQUIRE(more.device == load_cluster("dgx-h100").device);
  REQUIRE(parse_cluster(to_yaml(more), "written.yaml") == more);
  REQUIRE(load_cluster("dgx-h100-fat-tree@3").total_nodes() == 3);
  REQUIRE(contains(input_error_of([] { load_cluster("dgx-h100-fat-tree@2049"); }), "2048"));
  REQUIRE(contains(input_error_of([] { load_cluster("mixed-p100-v100@4"); }), "leave '@4' out"));
  REQUIRE(contains(input_error_of([] { load_cluster("pcie-switch-4gpu@2"); }), "nic is missing"));
  REQUIRE(contains(input_error_of([] { load_cluster("dgx-h100@0"); }), "dgx-h100@512"));
  REQUIRE(contains(input_error_of([] { load_cluster("dgx-h100@99999999"); }), "asks for 99999999 nodes"));
  REQUIRE(contains(input_error_of([] { load_cluster("dgx-h100@big"); }), "unknown cluster 'dgx-h100@big'"));
  REQUIRE(contains(input_error_of([] { load_cluster("dgx-h100@1048576"); }), "most there can be"));
}

TEST_CASE("a cluster sized by its ranks is a ring of as many, and others stay as they are") {
  const Cluster ring = load_cluster("ring_50GiBps_500ns");
  REQUIRE(ring.sized_by_ranks);
  REQUIRE(for_ranks(ring, 512).nodes == 512);
  REQUIRE(Network(for_ranks(ring, 512)).path(511, 0).latency_s == Approx(500e-9));
  REQUIRE(Network(ring).path(511, 0).latency_s == Approx(511 * 500e-9));
  REQUIRE(parse_cluster(to_yaml(ring), "written.yaml") == ring);
  REQUIRE(for_ranks(load_cluster("dgx-v100"), 8) == load_cluster("dgx-v100"));
  REQUIRE_THROWS_AS(for_ranks(ring, 16385), InputError);
}
