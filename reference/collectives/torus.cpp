/// 2-D torus: a ring for each dimension (Jain and Sabharwal 2010; Mikami et al. 2018 for training).
///
///   3 x 4      0 ▶ 1 ▶ 2 ▶ 3 ▶      even channels: reduce-scatter in the rows, all-reduce in the columns, all-gather in the rows
///              ▼   ▼   ▼   ▼        odd channels: columns first, so that the links of both dimensions are busy
///              4 ▶ 5 ▶ 6 ▶ 7 ▶      channels 2 and 3 of four: the same the other way around, in the links' other direction
///              ▼   ▼   ▼   ▼
///              8 ▶ 9 ▶ 10▶ 11▶
///              ▼   ▼   ▼   ▼
///
///   a x b = n, c chunks    rounds: 2c (a-1) + 2c (b-1)
///   time, S bytes:         2(b-1) (c latency + S/(b bandwidth)) + 2(a-1) (c latency + S/(n bandwidth))
/// (with one channel or a = b; else odd channels have a and b exchanged, and no closed form is known).
/// As few bytes as a ring of all n and about 4 sqrt(n) latencies instead of 2n. Rows are the nodes when the request says how many
/// ranks they have and all are full, else n is cut into factors as alike as can be; a prime n is a single ring.
#include <limits>

#include "reference/collectives/grid.h"

namespace convoy {
namespace {

int columns_of(const CollectiveRequest& r) {
  const int n = r.world_size;
  if (r.ranks_per_node > 1 && r.ranks_per_node < n && n % r.ranks_per_node == 0) return r.ranks_per_node;
  int rows = 1;
  for (int i = 1; i * i <= n; ++i)
    if (n % i == 0) rows = i;
  return n / rows;
}

GridPlace place_of(const CollectiveRequest& r) {
  const int columns = columns_of(r), rows = r.world_size / columns;
  const bool reversed = r.channel / 2 % 2 == 1;
  if (r.channel % 2 == 0) return {columns, 1, rows, columns, reversed};
  return {rows, columns, columns, 1, reversed};
}

Rounds rounds(const CollectiveRequest& r) { return grid_rounds(r, place_of(r)); }
std::int64_t round_count(const CollectiveRequest& r) { return grid_round_count(r, place_of(r)); }
std::int64_t elements_sent(const CollectiveRequest& r) { return grid_elements_sent(r, place_of(r)); }
std::vector<Stretch> stretches(const CollectiveRequest& r) { return grid_stretches(r, place_of(r)); }

double time_s(const CollectiveRequest& r, double bytes, const LinkModel& link) {
  CollectiveRequest first = r;
  first.channel = 0;
  const GridPlace place = place_of(first);
  if (r.channels > 1 && place.inner_size != place.outer_size) return std::numeric_limits<double>::quiet_NaN();
  return grid_time_s(first, place, bytes, link);
}

}  // namespace

extern const CollectiveAlgorithm torus_all_reduce{
    .kind = CollectiveKind::all_reduce,
    .name = "torus",
    .sentence = "a ring for each of two dimensions; as few bytes as one ring, about 4 sqrt(n) latencies",
    .rounds = rounds,
    .round_count = round_count,
    .elements_sent = elements_sent,
    .time_s = time_s,
    .stretches = stretches};

}  // namespace convoy
