/// The binomial tree: in every round each rank that has the data gives it to one that has not.
///
///   n = 8, root 0:        round 0   0 ▶ 1
///                         round 1   0 ▶ 2   1 ▶ 3
///                         round 2   0 ▶ 4   1 ▶ 5   2 ▶ 6   3 ▶ 7
///
///   rounds: c ceil(log2 n), of which a rank may sit out some       time, S bytes: ceil(log2 n) (c latency + S/bandwidth)
/// with c chunks, sent one after the other. Ranks are counted from the root: v = (rank - root) mod n; in round k the ranks
/// v < 2^k send to v + 2^k. A rank sends the whole buffer once for each k with 2^k > v and v + 2^k < n.
#include <bit>

#include "reference/collectives/collective.h"

namespace convoy {

namespace {

int levels_of(const CollectiveRequest& r) { return static_cast<int>(std::bit_width(static_cast<unsigned>(r.world_size - 1))); }
int from_root(const CollectiveRequest& r) { return (r.rank - r.root + r.world_size) % r.world_size; }

Rounds rounds(const CollectiveRequest& request) {
  const int levels = levels_of(request);
  return {std::int64_t{levels} * request.chunks, [=](std::int64_t i) {
            const int n = request.world_size;
            const int v = from_root(request);
            const int distance = 1 << (i % levels);
            const Slice slice = shard(Slice{0, request.count}, request.chunks, i / levels);
            Round round;
            if (slice.count == 0) return round;
            if (v < distance && v + distance < n) round.send = {(request.rank + distance) % n, slice};
            if (v >= distance && v < 2 * distance) round.recv = {(request.rank - distance + n) % n, slice};
            return round;
          }};
}

std::int64_t round_count(const CollectiveRequest& r) { return std::int64_t{r.chunks} * levels_of(r); }

std::int64_t elements_sent(const CollectiveRequest& r) {
  const int v = from_root(r);
  std::int64_t children = 0;
  for (int distance = 1; distance < r.world_size; distance *= 2) children += v < distance && v + distance < r.world_size ? 1 : 0;
  return r.count * children;
}

double time_s(const CollectiveRequest& r, double bytes, const LinkModel& link) {
  return levels_of(r) * (r.chunks * link.latency_s + bytes / link.bandwidth_bytes_per_s);
}

}  // namespace

const CollectiveAlgorithm binomial_broadcast{CollectiveKind::broadcast, "binomial", rounds, round_count, elements_sent, time_s};

}  // namespace convoy
