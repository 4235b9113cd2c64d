/// Neighbour exchange: all-gather in n/2 rounds, an even number of ranks talking to their two neighbours in turn (Chen et al. 2005).
///
///   n = 6     round 0   0 ◀▶ 1   2 ◀▶ 3   4 ◀▶ 5     both send their shard and then have a pair of shards
///             round 1   1 ◀▶ 2   3 ◀▶ 4   5 ◀▶ 0     both send their pair
///             round 2   0 ◀▶ 1   2 ◀▶ 3   4 ◀▶ 5     both send the pair that they got in the round before
///
///   what rank 0 has      0     0 1     0 1 4 5     0 1 2 3 4 5
///
///   rounds: n/2      bytes: (n-1)/n S a rank, as the ring      time, S bytes: n/2 latency + (n-1)/n S/bandwidth
/// Half the latencies of a ring, and like a ring on wires between neighbours only. The two shards of a pair lie side by side and move
/// in one message, so there is one channel and one chunk.
#include "reference/collectives/ring_order.h"
#include "reference/collectives/span.h"
#include "reference/core/error.h"

namespace convoy {
namespace {

/// Even ranks begin to the right, odd ones to the left; then they take turns.
bool goes_right(int rank, int round) { return (rank + round) % 2 == 0; }

/// The pair that a rank gets in a round after the first; for round 0: its own.
int pair_at(const CollectiveRequest& r, int round) {
  const int distance = (round + 1) / 2;
  return wrapped(r.rank / 2 + (goes_right(r.rank, round) ? distance : -distance), r.world_size / 2);
}

Slice pair_slice(const CollectiveRequest& r, int round) { return span_of_shards(r, 2 * pair_at(r, round), 2); }

Round round_at(const CollectiveRequest& r, int i) {
  const int peer = wrapped(r.rank + (goes_right(r.rank, i) ? 1 : -1), r.world_size);
  if (i == 0) return round_of({peer, part_of(r, r.rank)}, {peer, part_of(r, peer)}, OnReceive::copy);
  return round_of({peer, pair_slice(r, i - 1)}, {peer, pair_slice(r, i)}, OnReceive::copy);
}

std::int64_t round_count(const CollectiveRequest& r) { return r.world_size / 2; }

Rounds rounds(const CollectiveRequest& r) {
  return {round_count(r), [=](std::int64_t i) { return round_at(r, static_cast<int>(i)); }};
}

std::int64_t elements_sent(const CollectiveRequest& r) {
  if (r.world_size == 1) return 0;
  std::int64_t sent = part_of(r, r.rank).count;
  for (int i = 1; i < r.world_size / 2; ++i) sent += pair_slice(r, i - 1).count;
  return sent;
}

double time_s(const CollectiveRequest& r, double bytes, const LinkModel& link) {
  const int n = r.world_size;
  return n / 2 * link.latency_s + bytes * (n - 1) / n / link.bandwidth_bytes_per_s;
}

std::string why_not(const CollectiveRequest& r) {
  if (r.world_size > 1 && r.world_size % 2 == 1)
    return cat("it needs an even number of ranks, who exchange in pairs, and there are ", r.world_size);
  return needs_one_part(r);
}

}  // namespace

extern const CollectiveAlgorithm neighbour_exchange_all_gather{
    .kind = CollectiveKind::all_gather,
    .name = "neighbour_exchange",
    .sentence = "neighbours swap pairs of shards, to the right and to the left in turn; n/2 latencies; even numbers of ranks only",
    .rounds = rounds,
    .round_count = round_count,
    .elements_sent = elements_sent,
    .time_s = time_s,
    .why_not = why_not};

}  // namespace convoy
