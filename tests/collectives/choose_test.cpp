/// What `auto` chooses, and the estimates that it chooses by.
#include "reference/collectives/choose.h"

#include <cmath>

#include "tests/catch.h"

using namespace convoy;

namespace {

constexpr double kElement_bytes = 4;
const GroupTopology kOneNode{.in_node = {2e-6, 25e9}};
/// Nodes of 8 with one NIC, a tenth as fast as what joins the ranks of a node.
const GroupTopology kNodes{.ranks_per_node = 8, .in_node = {2e-6, 100e9}, .between_nodes = {5e-6, 10e9}};

CollectiveChoice choose(CollectiveKind kind, int ranks, std::int64_t bytes, const GroupTopology& topology) {
  return choose_algorithm(kind, {.world_size = ranks, .count = bytes / 4}, kElement_bytes, topology);
}

}  // namespace

TEST_CASE("on links of one kind the estimate is the closed form") {
  int compared = 0;
  for (const CollectiveAlgorithm& row : collective_algorithms())
    for (const int n : {1, 2, 5, 8, 12, 150})
      for (const int parts : {1, 2}) {
        const CollectiveRequest request{
            .world_size = n, .count = std::int64_t{n} * parts * parts * 480, .chunks = parts, .channels = parts};
        if (row.time_s == nullptr || !why_not(row, request).empty()) continue;
        if (n == 150 && row.name != "ring" && row.name != "linear") continue;  // 149 rounds and more, some not looked at
        const double bytes = kElement_bytes * static_cast<double>(request.count);
        const double expected_s = row.time_s(request, bytes, kOneNode.in_node);
        if (std::isnan(expected_s)) continue;
        const double estimate_s = estimated_time_s(row, request, kElement_bytes, kOneNode);
        CAPTURE(to_string(row.kind), row.name, n, parts, estimate_s, expected_s);
        REQUIRE(std::abs(estimate_s - expected_s) <= 1e-9 * expected_s);
        ++compared;
      }
  REQUIRE(compared > 100);
}

TEST_CASE("over nodes the estimate knows both kinds of links and who shares a NIC") {
  const auto estimate_s = [](const char* algorithm, int channels, const GroupTopology& topology) {
    const CollectiveRequest request{.world_size = 32, .count = 8 << 20, .channels = channels, .ranks_per_node = 8};
    return estimated_time_s(collective_algorithm(CollectiveKind::all_reduce, algorithm), request, kElement_bytes, topology);
  };
  const double bytes = 4.0 * (8 << 20);
  // A ring leaves each node once, by its only NIC. Recursive doubling: three rounds in the node, then two in which 8 ranks share
  // it.
  CHECK(estimate_s("ring", 1, kNodes) == Approx(2 * 31 * (5e-6 + bytes / 32 / 10e9)).epsilon(1e-12));
  CHECK(estimate_s("recursive_doubling", 1, kNodes) ==
        Approx(3 * (2e-6 + bytes / 100e9) + 2 * (5e-6 + 8 * bytes / 10e9)).epsilon(1e-12));
  // Hierarchical: rings of 8 in the node, then 8 rings of 4 through one NIC.
  CHECK(estimate_s("hierarchical", 1, kNodes) ==
        Approx(2 * 7 * (2e-6 + bytes / 8 / 100e9) + 2 * 3 * (5e-6 + 8 * bytes / 32 / 10e9)).epsilon(1e-12));
  GroupTopology rails = kNodes;
  rails.nics_per_node = 8;
  CHECK(estimate_s("hierarchical", 1, rails) ==
        Approx(2 * 7 * (2e-6 + bytes / 8 / 100e9) + 2 * 3 * (5e-6 + bytes / 32 / 10e9)).epsilon(1e-12));
  CHECK(estimate_s("ring", 8, rails) == Approx(2 * 31 * (5e-6 + bytes / 32 / 8 / 10e9)).epsilon(1e-3));
}

TEST_CASE("the choice follows size and topology, and says why") {
  using enum CollectiveKind;
  const CollectiveChoice small = choose(all_reduce, 64, 256, kOneNode);
  CHECK(small.best.algorithm == "recursive_doubling");
  CHECK(small.why.find("recursive_doubling 12.06 us by latency and bandwidth, against ") == 0);
  CHECK(small.why.find("; ring 252 us") != std::string::npos);
  const CollectiveChoice large = choose(all_reduce, 64, 256 << 20, kOneNode);
  CHECK(large.best.algorithm == "halving_doubling");                             // the bytes of the ring, and fewer latencies
  CHECK(choose(all_reduce, 48, 256 << 20, kOneNode).best.algorithm == "torus");  // 48 ranks would be folded
  CHECK(choose(all_reduce, 64, 256 << 20, kNodes).best.algorithm == "halving_doubling");  // its large messages stay in nodes
  CHECK(choose(all_reduce, 48, 256 << 20, kNodes).best.algorithm == "hierarchical");
  CHECK(choose(broadcast, 64, 256, kOneNode).best.algorithm == "binomial");
  CHECK(choose(broadcast, 64, 256 << 20, kOneNode).best.algorithm == "double_binary_tree");
  CHECK(choose(broadcast, 64, 256 << 20, kOneNode).best.chunks > 1);
  CHECK(choose(all_gather, 64, 1 << 20, kOneNode).best.algorithm == "recursive_doubling");
  CHECK(choose(all_gather, 48, 48 * 4, kOneNode).best.algorithm == "bruck");
  CHECK(choose(all_gather, 48, 480 << 20, kOneNode).best.algorithm == "neighbour_exchange");  // half the latencies of the ring
  CHECK(choose(all_gather, 47, 470 << 20, kOneNode).best.algorithm == "ring");
  CHECK(choose(all_to_all, 8, 8 << 20, kOneNode).best.algorithm == "pairwise");
  CHECK(choose(all_reduce, 1, 1 << 20, kOneNode).best.time_s == 0);
  CHECK_THROWS_AS(choose(all_to_all, 3, 4 * 4, kOneNode), std::invalid_argument);
}

TEST_CASE("no other way is estimated to be faster than the chosen one") {
  for (const CollectiveAlgorithm& row : collective_algorithms())
    for (const int ranks : {2, 6, 16})
      for (const std::int64_t count : {48, 48'000}) {
        const CollectiveRequest request{.world_size = ranks, .count = count, .ranks_per_node = 2};
        if (!why_not(row, request).empty()) continue;
        GroupTopology topology = kNodes;
        topology.ranks_per_node = 2;
        const CollectiveChoice choice = choose_algorithm(row.kind, request, kElement_bytes, topology);
        CAPTURE(to_string(row.kind), row.name, ranks, count, choice.why);
        REQUIRE(choice.best.time_s <= estimated_time_s(row, request, kElement_bytes, topology) * (1 + 1e-12));
      }
}
