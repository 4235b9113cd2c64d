/// The ring: rank r sends only to r+1 and receives only from r-1.
///
///        0 ──▶ 1          The buffer is cut into n shards. In reduce-scatter every shard travels once around the
///        ▲     │          ring and every rank adds its own terms to it; after n-1 rounds rank r holds the whole sum
///        │     ▼          of shard r. In all-gather the finished shards travel around once more and are copied.
///        3 ◀── 2          All-reduce is one after the other.
///
///   n = 4, reduce-scatter: which shard a rank sends (▶) in each round; what arrives is added
///     round   rank 0   rank 1   rank 2   rank 3
///       0       3▶       0▶       1▶       2▶
///       1       2▶       3▶       0▶       1▶
///       2       1▶       2▶       3▶       0▶       then rank r holds the sum of shard r
///
///                     rounds        elements sent by rank r        time, S bytes
///   reduce-scatter    c(n-1)        count - shard r                (n-1) (c latency + S/(n bandwidth))
///   all-gather        c(n-1)        count - shard r+1              the same
///   all-reduce        2c(n-1)       both                           twice that
/// with c chunks: every shard goes around in c parts. Bandwidth-optimal (Patarasuk and Yuan 2009), latency grows with n.
/// Every channel is a ring of its own in another order (ring_order.h), with its part of every shard; "r+1" is the next on it.
#include <algorithm>

#include "reference/collectives/lock_step.h"
#include "reference/collectives/ring_order.h"
#include "reference/collectives/span.h"

namespace convoy {
namespace {

/// A rank on the ring of its channel.
struct Place {
  RingOrder order;
  int position, next, previous;
  explicit Place(const CollectiveRequest& request)
      : order(request),
        position(order.position_of(request.rank)),
        next(order.rank_at(position + 1)),
        previous(order.rank_at(position + request.world_size - 1)) {}
};

/// What the channel has of the shard of a rank.
Slice mine_of(const CollectiveRequest& request, int rank) { return channel_part(request, part_of(request, rank)); }

Round round_at(const CollectiveRequest& request, const Place& place, const RingStep& step, int chunk, OnReceive on_receive) {
  const auto piece = [&](int index) { return shard(mine_of(request, place.order.rank_at(index)), request.chunks, chunk); };
  return round_of({place.next, piece(step.send_index)}, {place.previous, piece(step.recv_index)}, on_receive);
}

Round reduce_scatter_round(const CollectiveRequest& request, const Place& place, int s, int chunk) {
  return round_at(request, place, reduce_scatter_step(place.position, request.world_size, s), chunk, OnReceive::add);
}

Round all_gather_round(const CollectiveRequest& request, const Place& place, int s, int chunk) {
  return round_at(request, place, all_gather_step(place.position, request.world_size, s), chunk, OnReceive::copy);
}

Rounds reduce_scatter_rounds(const CollectiveRequest& request) {
  const int steps = request.world_size - 1;
  return {std::int64_t{steps} * request.chunks, [=, place = Place(request)](std::int64_t i) {
            return reduce_scatter_round(request, place, static_cast<int>(i % steps), static_cast<int>(i / steps));
          }};
}

Rounds all_gather_rounds(const CollectiveRequest& request) {
  const int steps = request.world_size - 1;
  return {std::int64_t{steps} * request.chunks, [=, place = Place(request)](std::int64_t i) {
            return all_gather_round(request, place, static_cast<int>(i % steps), static_cast<int>(i / steps));
          }};
}

Rounds all_reduce_rounds(const CollectiveRequest& request) {
  const int steps = request.world_size - 1;
  return {std::int64_t{2} * steps * request.chunks, [=, place = Place(request)](std::int64_t i) {
            const int chunk = static_cast<int>(i / (2 * steps));
            const int s = static_cast<int>(i % (2 * steps));
            return s < steps ? reduce_scatter_round(request, place, s, chunk)
                             : all_gather_round(request, place, s - steps, chunk);
          }};
}

// The closed forms of the table above.

std::int64_t once_around(const CollectiveRequest& r) { return std::int64_t{r.chunks} * (r.world_size - 1); }
std::int64_t twice_around(const CollectiveRequest& r) { return 2 * once_around(r); }

/// Elements of the channel in all shards together.
std::int64_t elements_of_channel(const CollectiveRequest& r) {
  if (r.channels == 1) return r.count;
  std::int64_t sum = 0;
  for (int rank = 0; rank < r.world_size; ++rank) sum += mine_of(r, rank).count;
  return sum;
}
std::int64_t all_but_mine(const CollectiveRequest& r) { return elements_of_channel(r) - mine_of(r, r.rank).count; }
std::int64_t all_but_next(const CollectiveRequest& r) { return elements_of_channel(r) - mine_of(r, Place(r).next).count; }
std::int64_t all_but_both(const CollectiveRequest& r) { return all_but_mine(r) + all_but_next(r); }

double once_around_s(const CollectiveRequest& r, double bytes, const LinkModel& link) {
  return (r.world_size - 1) * (r.chunks * link.latency_s + bytes / r.world_size / link.bandwidth_bytes_per_s);
}
double twice_around_s(const CollectiveRequest& r, double bytes, const LinkModel& link) {
  return 2 * once_around_s(r, bytes, link);
}

// Nobody changes neighbours.

/// Sum over chunks of the largest piece among all shards, of what the channel has of them.
std::int64_t largest_pieces(const CollectiveRequest& request) {
  // Without bounds there are shards of two sizes at most, and the first and the last are such.
  std::vector<std::int64_t> shards = {part_of(request, 0).count, part_of(request, request.world_size - 1).count};
  if (!request.bounds.empty())
    for (int rank = 1; rank < request.world_size - 1; ++rank) shards.push_back(part_of(request, rank).count);
  for (std::int64_t& count : shards) count = shard(count, request.channels, request.channel).count;
  std::int64_t sum = 0;
  for (int chunk = 0; chunk < request.chunks; ++chunk) {
    std::int64_t largest = 0;
    for (const std::int64_t count : shards) largest = std::max(largest, shard(count, request.chunks, chunk).count);
    sum += largest;
  }
  return sum;
}

/// `times` around the ring, in one of which what arrives is added.
Stretch around(const CollectiveRequest& r, int times, bool adds) {
  // In every round of a chunk every shard's piece of it is under way.
  return {.rounds = times * once_around(r),
          .adds = adds ? once_around(r) : 0,
          .elements = times * std::int64_t{r.world_size - 1} * largest_pieces(r),
          .size = r.world_size,
          .order = r.channels > 1 ? std::make_shared<const RingOrder>(r) : nullptr};
}
std::vector<Stretch> all_reduce_stretches(const CollectiveRequest& r) { return {around(r, 2, true)}; }
std::vector<Stretch> reduce_scatter_stretches(const CollectiveRequest& r) { return {around(r, 1, true)}; }
std::vector<Stretch> all_gather_stretches(const CollectiveRequest& r) { return {around(r, 1, false)}; }

}  // namespace

extern const CollectiveAlgorithm ring_all_reduce{
    .kind = CollectiveKind::all_reduce,
    .name = "ring",
    .sentence = "every shard goes once around to be summed and once more to be copied; fewest bytes, 2(n-1) latencies",
    .rounds = all_reduce_rounds,
    .round_count = twice_around,
    .elements_sent = all_but_both,
    .time_s = twice_around_s,
    .stretches = all_reduce_stretches};
extern const CollectiveAlgorithm ring_reduce_scatter{
    .kind = CollectiveKind::reduce_scatter,
    .name = "ring",
    .sentence = "every shard goes once around and is summed on its way; fewest bytes, n-1 latencies",
    .rounds = reduce_scatter_rounds,
    .round_count = once_around,
    .elements_sent = all_but_mine,
    .time_s = once_around_s,
    .stretches = reduce_scatter_stretches};
extern const CollectiveAlgorithm ring_all_gather{
    .kind = CollectiveKind::all_gather,
    .name = "ring",
    .sentence = "every shard goes once around and is copied on its way; fewest bytes, n-1 latencies",
    .rounds = all_gather_rounds,
    .round_count = once_around,
    .elements_sent = all_but_next,
    .time_s = once_around_s,
    .stretches = all_gather_stretches};

}  // namespace convoy
