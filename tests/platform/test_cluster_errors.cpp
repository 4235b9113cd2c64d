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
