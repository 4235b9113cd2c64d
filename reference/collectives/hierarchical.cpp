/// Hierarchical: what can stay in a node stays there.
///
///   2 nodes of 4    phase 1   reduce-scatter in each node     0 ▶ 1 ▶ 2 ▶ 3 ▶      4 ▶ 5 ▶ 6 ▶ 7 ▶
///                   phase 2   all-reduce across nodes         0 ◀▶ 4   1 ◀▶ 5   2 ◀▶ 6   3 ◀▶ 7
///                   phase 3   all-gather in each node         as phase 1
///
///   m nodes of k ranks, c chunks     rounds: 2c (k-1) + 2c (m-1)
///   time, S bytes, links of two kinds:  2(k-1) (c latency_in + S/(k bandwidth_in)) + 2(m-1) (c latency_across + S/(n share))
/// where `share` is what a rank has of the bandwidth of its node when all k of them send at once. Between nodes a rank sends
/// 2(m-1)/n of the buffer, m-1 and not n-1 times: fewer latencies than a flat ring and messages k times as large as its pieces in
/// one node. It is a grid (grid.h) whose rows are the nodes, so the request has to say how many ranks each has; without that, all
/// ranks are one node.
#include <algorithm>

#include "reference/collectives/grid.h"
#include "reference/core/error.h"

namespace convoy {
namespace {

GridPlace place_of(const CollectiveRequest& r) {
  const int in_node = r.ranks_per_node > 0 ? std::min(r.ranks_per_node, r.world_size) : r.world_size;
  return {.inner_size = in_node, .inner_stride = 1, .outer_size = r.world_size / in_node, .outer_stride = in_node};
}

Rounds rounds(const CollectiveRequest& r) { return grid_rounds(r, place_of(r)); }
std::int64_t round_count(const CollectiveRequest& r) { return grid_round_count(r, place_of(r)); }
std::int64_t elements_sent(const CollectiveRequest& r) { return grid_elements_sent(r, place_of(r)); }
std::vector<Stretch> stretches(const CollectiveRequest& r) { return grid_stretches(r, place_of(r)); }
double time_s(const CollectiveRequest& r, double bytes, const LinkModel& link) {
  return grid_time_s(r, place_of(r), bytes, link);
}

std::string needs_full_nodes(const CollectiveRequest& r) {
  if (r.ranks_per_node <= 0 || r.world_size <= r.ranks_per_node || r.world_size % r.ranks_per_node == 0) return "";
  return cat("it needs as many ranks in every node, and ", r.world_size, " ranks do not fill nodes of ", r.ranks_per_node);
}

}  // namespace

extern const CollectiveAlgorithm hierarchical_all_reduce{
    .kind = CollectiveKind::all_reduce,
    .name = "hierarchical",
    .sentence =
        "reduce-scatter in every node, all-reduce across nodes, all-gather in every node; spares the network between nodes",
    .rounds = rounds,
    .round_count = round_count,
    .elements_sent = elements_sent,
    .time_s = time_s,
    .why_not = needs_full_nodes,
    .stretches = stretches};

}  // namespace convoy
