// Every algorithm on every topology: where no link is shared and all links are alike, the closed form of its file.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "simulator/engine/simulate.h"
#include "tests/catch.h"
#include "tests/engine/schedules.h"
#include "tests/platform/networks.h"

using namespace convoy;
using namespace convoy::testing;

namespace {

/// A message of some round: the ranks at its ends.
using Edge = std::pair<int, int>;

/// What all messages of a collective use.
struct Use {
  std::set<Edge> edges;
  bool shares = false;  ///< two messages of one round, on any channel, go over the same link
};

Use use_of(const CollectiveAlgorithm& algorithm, const CollectiveRequest& request, const Network& network) {
  Use use;
  std::map<std::int64_t, std::set<int>> links_of_round;
  std::vector<int> links;
  CollectiveRequest each = request;
  for (each.rank = 0; each.rank < request.world_size; ++each.rank)
    for (each.channel = 0; each.channel < request.channels; ++each.channel) {
      const Rounds rounds = algorithm.rounds(each);
      for (std::int64_t i = 0; i < rounds.count; ++i) {
        const Round round = rounds.at(i);
        if (!round.send || round.send->slice.count == 0) continue;
        use.edges.insert({each.rank, round.send->peer});
        network.route(each.rank, round.send->peer, links);
        for (const int link : links) use.shares = !links_of_round[i].insert(link).second || use.shares;
      }
    }
  return use;
}

/// The one kind of link that all edges see; nothing when they see several.
std::optional<LinkModel> only_link(const std::set<Edge>& edges, const Network& network) {
  std::optional<LinkModel> link;
  for (const auto& [from, to] : edges) {
    const LinkModel here = network.path(from, to);
    if (link && (link->latency_s != here.latency_s || link->bandwidth_bytes_per_s != here.bandwidth_bytes_per_s)) return {};
    link = here;
  }
  return link;
}

/// A ring waits in every round for its slowest edge. Nothing when two edges, which need not be in the same round, share a link.
std::optional<LinkModel> slowest_of_ring(const std::set<Edge>& edges, const Network& network, double message_bytes) {
  std::set<int> taken;
  std::vector<int> links;
  std::optional<LinkModel> slowest;
  for (const auto& [from, to] : edges) {
    network.route(from, to, links);
    for (const int link : links)
      if (!taken.insert(link).second) return {};
    const LinkModel here = network.path(from, to);
    if (!slowest || here.time_s(message_bytes) > slowest->time_s(message_bytes)) slowest = here;
  }
  return slowest;
}

}  // namespace

TEST_CASE("closed forms hold to 1e-9 for every algorithm on every topology that has one for it") {
  std::map<std::string, int> by_topology, by_algorithm;
  int shared = 0, unlike = 0, compared = 0;
  double worst = 0;
  for (const Cluster& cluster : clusters_of_all_topologies()) {
    const Network network(cluster);
    for (const CollectiveAlgorithm& algorithm : collective_algorithms())
      for (const int parts : {1, 2}) {
        const int n = cluster.nodes;
        const std::int64_t count = std::int64_t{n} * parts * parts * 240;
        const double bytes = 4.0 * static_cast<double>(count);
        const CollectiveRequest request{.world_size = n, .count = count, .chunks = parts, .channels = 1};
        if (algorithm.time_s == nullptr || !why_not(algorithm, request).empty()) continue;
        const Use use = use_of(algorithm, request, network);
        std::optional<LinkModel> link = only_link(use.edges, network);
        if (use.shares) {
          ++shared;
          continue;
        }
        if (!link && algorithm.name == "ring") link = slowest_of_ring(use.edges, network, bytes / n / parts);
        const double formula_s = link ? algorithm.time_s(request, bytes, *link) : NAN;
        if (std::isnan(formula_s)) {
          ++unlike;
          continue;
        }
        const std::string name = std::string(to_string(algorithm.kind)) + " " + std::string(algorithm.name);
        CAPTURE(cluster.topology.kind, n, name, parts);
        const Schedule schedule = collective_schedule(n, count, algorithm.kind, std::string(algorithm.name), parts, 1);
        const double time_s = end_of(simulate(schedule, 1, cluster, free_compute()));
        REQUIRE(relative_error(time_s, formula_s) <= 1e-9);
        worst = std::max(worst, relative_error(time_s, formula_s));
        ++by_topology[cluster.topology.kind];
        ++by_algorithm[name];
        ++compared;
      }
  }
  WARN(compared << " closed forms, worst " << worst << "; left out: " << shared << " where messages share links, " << unlike
                << " where their links are unlike or no form is known");
  for (const TopologyKind& kind : topology_table()) {
    CAPTURE(kind.name);
    REQUIRE(by_topology[std::string(kind.name)] >= 2);
  }
  for (const CollectiveAlgorithm& algorithm : collective_algorithms()) {
    const std::string name = std::string(to_string(algorithm.kind)) + " " + std::string(algorithm.name);
    CAPTURE(name);
    if (algorithm.time_s != nullptr && algorithm.name != "double_binary_tree") REQUIRE(by_algorithm[name] >= 4);
  }
}
