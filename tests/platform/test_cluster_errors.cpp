// Cluster files with one mistake each: where it is, and what the person is told.
#include <string>
#include <vector>

#include "reference/core/error.h"
#include "simulator/platform/cluster.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

const std::string kGood =
    "name: mine\n"                                        // 1
    "description: two nodes\n"                            // 2
    "nodes: 2\n"                                          // 3
    "topology: switch\n"                                  // 4
    "node:\n"                                             // 5
    "  devices: 4\n"                                      // 6
    "  device:\n"                                         // 7
    "    name: V100\n"                                    // 8
    "    peak: {fp32: 15.7TFLOP/s, fp16: 125 TFLOP/s}\n"  // 9
    "    memory_bandwidth: 900GB/s\n"                     // 10
    "    memory: 16GiB\n"                                 // 11
    "    launch_overhead: 5us\n"                          // 12
    "    source: data sheet\n"                            // 13
    "  link: {bandwidth: 150GB/s, latency: 2us}\n"        // 14
    "  nics: 2\n"                                         // 15
    "  nic: {bandwidth: 100Gbit/s, latency: 3us}\n"       // 16
    "  cores: 16\n"                                       // 17
    "  cores_per_rank: 2\n"                               // 18
    "  communication_cores: 0.5\n";                       // 19

/// In kGood, `what` is replaced by `by`.
struct BadFile {
  std::string what;
  std::string by;
  std::string position;           ///< line:column
  std::vector<std::string> says;  ///< parts of the message
};

const std::vector<BadFile> kBadFiles = {
    // a number without its unit
    {"150GB/s", "150", "14:21", {"node.link.bandwidth", "'150' has no unit", "bandwidth: 100Gbit/s"}},
    {"latency: 3us", "latency: 3", "16:40", {"node.nic.latency", "'3' has no unit", "latency: 2us"}},
    {"memory: 16GiB", "memory: 16", "11:13", {"node.device.memory", "'16' has no unit", "memory: 16GiB"}},
    {"15.7TFLOP/s", "15.7e12", "9:18", {"node.device.peak.fp32", "has no unit", "fp32: 15.7TFLOP/s"}},
    {"900GB/s", "900e9", "10:23", {"node.device.memory_bandwidth", "has no unit"}},
    {"launch_overhead: 5us", "launch_overhead: 0", "12:22", {"node.device.launch_overhead", "'0' has no unit"}},
    // a wrong unit
    {"150GB/s", "150GB", "14:21", {"node.link.bandwidth", "unknown unit 'GB'", "100Gbit/s"}},
    {"latency: 2us", "latency: 2 usec", "14:39", {"unknown unit 'usec'"}},
    {"15.7TFLOP/s", "15.7TFLOPS", "9:18", {"unknown unit 'TFLOPS'"}},
    {"memory: 16GiB", "memory: 16Gib", "11:13", {"unknown unit 'Gib'"}},
    // an unknown or repeated key
    {"nodes: 2", "nods: 2", "3:1", {"unknown key 'nods'", "did you mean 'node"}},
    {"nics: 2", "nic_count: 2", "15:3", {"unknown key in node 'nic_count'"}},
    {"latency: 2us", "latncy: 2us", "14:30", {"unknown key in node.link 'latncy'", "did you mean 'latency'"}},
    {"fp16:", "half:", "9:31", {"unknown key in node.device.peak 'half'", "fp16"}},
    {"launch_overhead", "launch_overhed", "12:5", {"did you mean 'launch_overhead'"}},
    {"topology: switch", "nodes: 3", "4:1", {"'nodes' stands here for the second time"}},
    // a missing key
    {"name: mine\n", "", "1:1", {"name is missing", "name: my-cluster"}},
    {"nodes: 2\n", "", "1:1", {"nodes is missing", "nodes: 8"}},
    {"  devices: 4\n", "", "6:3", {"node.devices is missing", "devices: 8"}},
    {"    name: V100\n", "", "8:5", {"node.device.name is missing"}},
    {"    memory_bandwidth: 900GB/s\n", "", "8:5", {"node.device.memory_bandwidth is missing", "memory_bandwidth: 100Gbit/s"}},
    {"  link: {bandwidth: 150GB/s, latency: 2us}\n",
     "",
     "6:3",
     {"node.link is missing", "link: {bandwidth: 100Gbit/s, latency: 3us}"}},
    {"  nic: {bandwidth: 100Gbit/s, latency: 3us}\n", "", "6:3", {"node.nic is missing"}},
    {", latency: 2us", "", "14:9", {"node.link.latency is missing"}},
    {"  cores: 16\n", "", "17:19", {"node.cores_per_rank says nothing without node.cores"}},
    // a wrong type
    {"nodes: 2", "nodes: two", "3:8", {"nodes is 'two'", "a whole number from 1 to 1000000"}},
    {"nodes: 2", "nodes: 2.5", "3:8", {"nodes is '2.5'", "a whole number"}},
    {"nodes: 2", "nodes:", "3:1", {"nodes is nothing"}},
    {"nodes: 2", "nodes: [2]", "3:8", {"nodes is a list"}},
    {"name: mine", "name: {a: b}", "1:7", {"name is a map", "expected text"}},
    {"name: mine", "name: \"\"", "1:7", {"name is empty"}},
    {"link: {bandwidth: 150GB/s, latency: 2us}",
     "link: 150GB/s",
     "14:9",
     {"node.link is '150GB/s'", "expected a map", "latency: 3us"}},
    {"peak: {fp32: 15.7TFLOP/s, fp16: 125 TFLOP/s}",
     "peak: 15TFLOP/s",
     "9:11",
     {"node.device.peak is '15TFLOP/s'", "expected a map"}},
    {"peak: {fp32: 15.7TFLOP/s, fp16: 125 TFLOP/s}", "peak: {}", "9:11", {"the device has no peak", "fp32: 15.7TFLOP/s"}},
    // a value that cannot be
    {"nodes: 2", "nodes: 0", "3:8", {"nodes is '0'"}},
    {"nodes: 2", "nodes: -3", "3:8", {"nodes is '-3'"}},
    {"nodes: 2", "nodes: 99999999999999999999", "3:8", {"nodes is '99999999999999999999'"}},
    {"nodes: 2", "nodes: 1000000", "6:12", {"1000000 nodes of 4 devices are more than 1048576"}},
    {"devices: 4", "devices: 0", "6:12", {"node.devices is '0'"}},
    {"nics: 2", "nics: nan", "15:9", {"node.nics is 'nan'"}},
    {"150GB/s", "-150GB/s", "14:21", {"node.link.bandwidth", "not negative"}},
    {"150GB/s", "nanGB/s", "14:21", {"must be finite"}},
    {"150GB/s", "infGB/s", "14:21", {"must be finite"}},
    {"150GB/s", "0GB/s", "14:21", {"'0GB/s', which no machine has"}},
    {"150GB/s", "1e9GB/s", "14:21", {"which no machine has"}},
    {"latency: 2us", "latency: 2e9s", "14:39", {"which no machine has"}},
    {"latency: 2us", "latency: 1e999s", "14:39", {"node.link.latency"}},
    {"15.7TFLOP/s", "0TFLOP/s", "9:18", {"which no machine has"}},
    {"memory: 16GiB", "memory: 0B", "11:13", {"which no machine has"}},
    {"memory: 16GiB", "memory: 1e30TB", "11:13", {"node.device.memory"}},
    {"cores_per_rank: 2", "cores_per_rank: 17", "18:19", {"node.cores_per_rank is 17, but a node has only 16 cores"}},
    {"communication_cores: 0.5", "communication_cores: 17", "19:24", {"node.communication_cores is '17'", "from 0 to 16"}},
    {"communication_cores: 0.5", "communication_cores: -1", "19:24", {"node.communication_cores is '-1'"}},
    {"communication_cores: 0.5", "communication_cores: nan", "19:24", {"node.communication_cores is 'nan'"}},
    {"topology: switch", "topology: swich", "4:11", {"unknown topology 'swich'", "did you mean 'switch'"}},
    // topologies
    {"topology: switch", "topology: ring", "4:11", {"topology ring needs link", "topology: {kind: ring, link: ...}"}},
    {"topology: switch", "topology: {kind: rign}", "4:18", {"unknown topology 'rign'", "did you mean 'ring'"}},
    {"topology: switch", "topology: {kind: ring}", "4:11", {"topology.link is missing", "latency: 3us"}},
    {"topology: switch", "topology: {kind: switch, extents: [2]}", "4:35", {"kind switch has no extents"}},
    {"topology: switch", "topology: {kind: ring, lnik: 1}", "4:24", {"unknown key in topology 'lnik'", "did you mean 'link'"}},
    {"topology: switch",
     "topology: {kind: torus, extents: [2, x], link: {bandwidth: 1GB/s, latency: 1us}}",
     "4:38",
     {"topology.extents[1] is 'x'", "whole numbers"}},
    {"topology: switch",
     "topology: {kind: torus, extents: [3, 3], link: {bandwidth: 1GB/s, latency: 1us}}",
     "4:11",
     {"a torus of 3 x 3 has 9 nodes, and there are 2", "nodes: 9"}},
    {"topology: switch", "topology: {kind: fat_tree, children: []}", "4:38", {"topology.children is an empty list"}},
    {"topology: switch", "topology: {kind: fat_tree, children: [1]}", "4:11", {"has places for 1 nodes, and there are 2"}},
    {"topology: switch", "topology: {kind: fat_tree, children: [2], over_subscription: [2]}", "4:62", {"has 1 levels, and only 0"}},
    {"topology: switch", "topology: {kind: fat_tree, children: [2, 2], over_subscription: [0.5]}", "4:66", {"'0.5'", "from 1"}},
    {"topology: switch",
     "topology: {kind: dragonfly, nodes_per_router: 1, routers_per_group: 2, link: {bandwidth: 1GB/s, latency: 1us}}",
     "4:11",
     {"topology.groups is missing"}},
    {"topology: switch",
     "topology: {kind: joined, sites: [1, 2], link: {bandwidth: 1GB/s, latency: 1ms}}",
     "4:11",
     {"the sites have 3 nodes together, and there are 2"}},
    {"topology: switch",
     "topology: {kind: joined, sites: [1, 1], link: {bandwidth: 1GB/s, latency: 1ms}, inside: [{kind: switch}]}",
     "4:89",
     {"inside describes 1 sites, and sites lists 2"}},
    // inside a node
    {"  nics: 2", "  wiring: cube", "15:11", {"unknown wiring 'cube'"}},
    {"  nics: 2", "  wiring: cube_mesh_6", "15:11", {"a hybrid cube mesh joins 8 devices, and the node has 4"}},
    {"  nics: 2", "  wiring: none", "6:3", {"node.pcie is missing"}},
    {"  nics: 2", "  links_per_pair: 2", "15:19", {"says nothing with wiring switch"}},
    {"  nics: 2",
     "  pcie: {bandwidth: 15GB/s, latency: 5us, sockets: 2}",
     "15:9",
     {"node.pcie.socket_link is missing"}},
    {"  nics: 2",
     "  pcie: {bandwidth: 15GB/s, latency: 5us, socket_link: {bandwidth: 1GB/s, latency: 0s}}",
     "15:56",
     {"says nothing with one socket"}},
    {"topology: switch", "sized_by_ranks: maybe", "4:17", {"sized_by_ranks is 'maybe'"}},
    {"topology: switch",
     "sized_by_ranks: true\ntopology: {kind: fat_tree, children: [2]}",
     "4:17",
     {"topology fat_tree cannot have any number of nodes"}},
    {"topology: switch", "groups: [{nodes: 1, node: {devices: 1}}]", "3:8", {"a file with groups has no nodes of its own"}},
    // not YAML at all
    {"nodes: 2", "nodes: [2", "4:9", {"not YAML"}},
};

std::string error_of(const std::string& yaml) {
  try {
    parse_cluster(yaml, "my.yaml");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("the cluster file from which the bad ones are made is good") {
  const Cluster cluster = parse_cluster(kGood, "my.yaml");
  REQUIRE(cluster.nodes == 2);
  REQUIRE(cluster.devices_per_node == 4);
  REQUIRE(cluster.device.peak_flops_per_s.at("fp16") == 125e12);
  REQUIRE(cluster.cores_per_rank == 2);
  REQUIRE(cluster.communication_cores == 0.5);
}

TEST_CASE("a mistake in a cluster file is reported with file, line, column and what to write") {
  for (const BadFile& bad : kBadFiles) {
    CAPTURE(bad.what, bad.by);
    const std::size_t at = kGood.find(bad.what);
    REQUIRE(at != std::string::npos);
    std::string yaml = kGood;
    yaml.replace(at, bad.what.size(), bad.by);
    const std::string message = error_of(yaml);
    CAPTURE(message);
    CHECK(message.starts_with("my.yaml:" + bad.position + ": "));
    for (const std::string& part : bad.says) CHECK(message.find(part) != std::string::npos);
  }
}

TEST_CASE("an unknown device is reported with the nearest and with how to describe one") {
  const std::string message = error_of("name: a\nnodes: 1\nnode: {devices: 1, device: V100-SXM2-16G}\n");
  CAPTURE(message);
  REQUIRE(message.starts_with("my.yaml:3:28: "));
  REQUIRE(message.find("did you mean 'V100-SXM2-16GB'") != std::string::npos);
  REQUIRE(message.find("device: {name: V100, peak:") != std::string::npos);
}

TEST_CASE("a file that is no map is refused") {
  REQUIRE(error_of("").starts_with("my.yaml:1:1: the file must be a map"));
  REQUIRE(error_of("- a\n- b\n").starts_with("my.yaml:1:1: the file must be a map"));
  REQUIRE(error_of("just text").starts_with("my.yaml:1:1: the file must be a map"));
  REQUIRE(error_of(std::string(2000, '[')).find("my.yaml") == 0);
}

TEST_CASE("what can hardly be meant is a warning with file, line, column and the likely slip") {
  const auto warnings_of = [](const std::string& what, const std::string& by) {
    std::string yaml = kGood;
    yaml.replace(yaml.find(what), what.size(), by);
    std::vector<std::string> warnings;
    parse_cluster(yaml, "my.yaml", &warnings);
    return warnings;
  };
  REQUIRE(warnings_of("nodes: 2", "nodes: 2").empty());
  REQUIRE(warnings_of("100Gbit/s", "100GB/s") ==
          std::vector<std::string>{"my.yaml:16:20: bandwidth: 100GB/s is hardly a NIC; did you mean 100Gbit/s?"});
  REQUIRE(warnings_of("latency: 3us", "latency: 1s") ==
          std::vector<std::string>{"my.yaml:16:40: latency: 1s is hardly a NIC; did you mean 3us?"});
  REQUIRE(warnings_of("100Gbit/s", "1Mbit/s").size() == 1);
  REQUIRE(warnings_of("150GB/s", "150TB/s") ==
          std::vector<std::string>{"my.yaml:14:21: bandwidth: 150TB/s is hardly a link between devices; did you mean 150GB/s?"});
  for (const std::string& name : cluster_names()) {
    std::vector<std::string> warnings;
    load_cluster(name, &warnings);
    CAPTURE(name);
    REQUIRE(warnings.empty());
  }
}

TEST_CASE("topologies and groups are written so that the same is read") {
  const std::string groups =
      "name: mine\n"
      "topology: {kind: joined, sites: [2, 4], link: {bandwidth: 1GB/s, latency: 10ms}, inside:\n"
      "  [{kind: switch}, {kind: torus, extents: [2, 2], link: {bandwidth: 10GB/s, latency: 1us}}]}\n"
      "groups:\n"
      "  - {nodes: 4, node: {devices: 1, device: P40, nic: {bandwidth: 10Gbit/s, latency: 30us}}}\n"
      "  - {nodes: 2, node: {devices: 2, device: K80, wiring: pairs, links_per_pair: 3, link: {bandwidth: 2GB/s, latency: 1us},\n"
      "      nic: {bandwidth: 40Gbit/s, latency: 10us}}}\n";
  const Cluster cluster = parse_cluster(groups, "my.yaml");
  REQUIRE(cluster.total_nodes() == 6);
  REQUIRE(cluster.world_size() == 8);
  REQUIRE(parse_cluster(to_yaml(cluster), "written.yaml") == cluster);
  const std::string dragonfly =
      "name: mine\nnodes: 12\n"
      "topology: {kind: dragonfly, nodes_per_router: 2, routers_per_group: 3, groups: 2, hop_latency: 100ns,\n"
      "  link: {bandwidth: 10GB/s, latency: 1us}, global_link: {bandwidth: 20GB/s, latency: 2us}}\n"
      "node: {devices: 1, device: P40, nic: {bandwidth: 10Gbit/s, latency: 30us}}\n";
  const Cluster fly = parse_cluster(dragonfly, "my.yaml");
  REQUIRE(parse_cluster(to_yaml(fly), "written.yaml") == fly);
}
