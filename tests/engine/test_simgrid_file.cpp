// Clusters written as SimGrid's platform files, read back by SimGrid: routes, bandwidths and latencies are those of Network.
#include <algorithm>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <unistd.h>

#include "reference/core/error.h"
#include "reference/io/file.h"
#include "simulator/platform/cluster.h"
#include "simulator/platform/simgrid_file.h"
#include "tests/catch.h"
#include "tests/engine/in_simgrid.h"

using namespace convoy;

namespace {

/// What SimGrid makes of a file, in which it disagrees with Network: the first such sentence, or "".
std::string disagreement(sg::s4u::Engine& engine, const std::string& file, const Network& network, int ranks) {
  engine.load_platform(file);
  std::vector<int> expected;
  for (int from = 0; from < ranks; ++from)
    for (int to = 0; to < ranks; ++to) {
      const std::string pair = cat(from, " to ", to, ": ");
      std::vector<sg::s4u::Link*> links;
      double latency_s = 0;
      engine.host_by_name(cat("rank", from))->route_to(engine.host_by_name(cat("rank", to)), links, &latency_s);
      if (from == to) {
        if (latency_s != 0 || links.size() != 1 || links[0]->get_name() != "loopback") return pair + "no free loopback";
        continue;
      }
      network.route(from, to, expected);
      if (links.size() != expected.size() + 1) return cat(pair, links.size(), " links for ", expected.size());
      double narrowest = std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < expected.size(); ++i) {
        if (links[i]->get_name() != network.link_name(expected[i])) return cat(pair, links[i]->get_name());
        if (links[i]->get_bandwidth() != network.bandwidth_bytes_per_s(expected[i])) return cat(pair, links[i]->get_bandwidth());
        narrowest = std::min(narrowest, links[i]->get_bandwidth());
      }
      if (links.back()->get_bandwidth() <= narrowest) return pair + "the link that has the latency is too narrow";
      const LinkModel path = network.path(from, to);
      if (latency_s != path.latency_s || narrowest != path.bandwidth_bytes_per_s) return cat(pair, latency_s, " s, ", narrowest);
    }
  return "";
}

std::string disagreement(const std::string& name, int ranks, const std::string& from = "", const std::string& to = "") {
  const Cluster cluster = for_ranks(load_cluster(name), ranks);
  std::string text = to_simgrid_file(cluster, ranks);
  if (!from.empty()) text.replace(text.find(from), from.size(), to);
  const std::string file = (std::filesystem::temp_directory_path() / cat("convoy-platform-", getpid(), ".xml")).string();
  write_file_atomically(file, text);
  std::string result =
      testing::in_simgrid([&](sg::s4u::Engine& engine) { return disagreement(engine, file, Network(cluster), ranks); });
  unlink(file.c_str());
  return result;
}

}  // namespace

TEST_CASE("SimGrid reads from an exported file what Network says") {
  for (const auto& [name, ranks] : {std::pair{"ring-test", 5},
                                    {"flat-100gbit", 8},
                                    {"dgx-v100", 20},
                                    {"dgx1-v100", 8},
                                    {"mixed-p100-v100", 12},
                                    {"dgx-a100-fat-tree-2to1", 32},
                                    {"abci-v100", 16}}) {
    CAPTURE(name, ranks);
    CHECK(disagreement(name, ranks) == "");
  }
}

TEST_CASE("an exported file that is wrong in one number is found out") {
  const std::string latency = "latency=\"1e-06s\"";
  CHECK(disagreement("ring-test", 3, latency, "latency=\"2e-06s\"") == "0 to 1: 2e-06 s, 2.5e+10");
}

TEST_CASE("what cannot be exported is refused with its reason") {
  CHECK_THROWS_AS(to_simgrid_file(load_cluster("dgx-v100"), kMostRanksInSimgridFile + 1), LimitError);
  CHECK_THROWS_AS(to_simgrid_file(load_cluster("two-core-machine"), 3), InputError);
  CHECK_THROWS_AS(to_simgrid_file(load_cluster("ring-test"), 0), std::invalid_argument);
}
