/// The binomial tree: in every round each rank that has the data gives it to one that has not.
///
///   n = 8, root 0:        round 0   0 ▶ 1
///                         round 1   0 ▶ 2   1 ▶ 3
///                         round 2   0 ▶ 4   1 ▶ 5   2 ▶ 6   3 ▶ 7
///
///   rounds: c ceil(log2 n), of which a rank may sit out some       time, S bytes: ceil(log2 n) (c latency + S/bandwidth)
/// with c chunks, sent one after the other. Ranks are counted from the root: v = (rank - root) mod n; in round k the ranks
/// v < 2^k send to v + 2^k. A rank sends the whole buffer once for each k with 2^k > v and v + 2^k < n.
/// Reduce is the same tree backwards: in the last round of broadcast's first, every receiver sends and the sender adds. Every
/// rank but the root sends the whole buffer once. All-reduce is a reduce and then a broadcast, in twice the time.
#include <bit>

#include "reference/collectives/collective.h"

namespace convoy {

namespace {

int levels_of(const CollectiveRequest& r) { return static_cast<int>(std::bit_width(static_cast<unsigned>(r.world_size - 1))); }
int from_root(const CollectiveRequest& r) { return (r.rank - r.root + r.world_size) % r.world_size; }

/// The transfer over `distance` in which this rank takes part: away from the root, or towards it.
struct Link {
  std::optional<Transfer> to_child, to_parent;
};

Link link_at(const CollectiveRequest& request, int level, std::int64_t chunk) {
  const int n = request.world_size;
  const int v = from_root(request);
  const int distance = 1 << level;
  const Slice slice = shard(channel_part(request, {0, request.count}), request.chunks, chunk);
  Link link;
  if (slice.count == 0) return link;
  if (v < distance && v + distance < n) link.to_child = {(request.rank + distance) % n, slice};
  if (v >= distance && v < 2 * distance) link.to_parent = {(request.rank - distance + n) % n, slice};
  return link;
}

Round broadcast_round(const CollectiveRequest& request, int level, std::int64_t chunk) {
  const Link link = link_at(request, level, chunk);
  return {link.to_child, link.to_parent, OnReceive::copy};
}

/// `level` counts from the leaves.
Round reduce_round(const CollectiveRequest& request, int level, std::int64_t chunk) {
  const Link link = link_at(request, levels_of(request) - 1 - level, chunk);
  return {link.to_parent, link.to_child, OnReceive::add};
}

Rounds broadcast_rounds(const CollectiveRequest& request) {
  const int levels = levels_of(request);
  return {std::int64_t{levels} * request.chunks,
          [=](std::int64_t i) { return broadcast_round(request, static_cast<int>(i % levels), i / levels); }};
}

Rounds reduce_rounds(const CollectiveRequest& request) {
  const int levels = levels_of(request);
  return {std::int64_t{levels} * request.chunks,
          [=](std::int64_t i) { return reduce_round(request, static_cast<int>(i % levels), i / levels); }};
}

Rounds all_reduce_rounds(const CollectiveRequest& request) {
  const int levels = levels_of(request);
  return {std::int64_t{2} * levels * request.chunks, [=](std::int64_t i) {
            const int level = static_cast<int>(i % (2 * levels));
            const std::int64_t chunk = i / (2 * levels);
            return level < levels ? reduce_round(request, level, chunk) : broadcast_round(request, level - levels, chunk);
          }};
}

std::int64_t once(const CollectiveRequest& r) { return std::int64_t{r.chunks} * levels_of(r); }
std::int64_t twice(const CollectiveRequest& r) { return 2 * once(r); }

std::int64_t sent_to_children(const CollectiveRequest& r) {
  const int v = from_root(r);
  std::int64_t children = 0;
  for (int distance = 1; distance < r.world_size; distance *= 2) children += v < distance && v + distance < r.world_size ? 1 : 0;
  return channel_part(r, {0, r.count}).count * children;
}
std::int64_t sent_to_parent(const CollectiveRequest& r) { return r.rank == r.root ? 0 : channel_part(r, {0, r.count}).count; }
std::int64_t sent_to_both(const CollectiveRequest& r) { return sent_to_children(r) + sent_to_parent(r); }

double once_s(const CollectiveRequest& r, double bytes, const LinkModel& link) {
  return levels_of(r) * (r.chunks * link.latency_s + bytes / link.bandwidth_bytes_per_s);
}
double twice_s(const CollectiveRequest& r, double bytes, const LinkModel& link) { return 2 * once_s(r, bytes, link); }

}  // namespace

extern const CollectiveAlgorithm binomial_all_reduce{
    .kind = CollectiveKind::all_reduce,
    .name = "binomial",
    .sentence = "sums up a tree to rank 0 and sends the sum down again; 2 log n latencies, and every byte as often",
    .rounds = all_reduce_rounds,
    .round_count = twice,
    .elements_sent = sent_to_both,
    .time_s = twice_s};
extern const CollectiveAlgorithm binomial_broadcast{
    .kind = CollectiveKind::broadcast,
    .name = "binomial",
    .sentence = "in every round all that have it give it to as many others; log n latencies, and every byte as often",
    .rounds = broadcast_rounds,
    .round_count = once,
    .elements_sent = sent_to_children,
    .time_s = once_s};
extern const CollectiveAlgorithm binomial_reduce{
    .kind = CollectiveKind::reduce,
    .name = "binomial",
    .sentence = "in every round half of those that are left give their sum to the other half; log n latencies",
    .rounds = reduce_rounds,
    .round_count = once,
    .elements_sent = sent_to_parent,
    .time_s = once_s};

}  // namespace convoy
