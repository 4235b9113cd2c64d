/// Pairwise exchange: all-to-all in rounds in which every rank swaps one shard with one other rank.
///
///   n = 4     round 0   0 ◀▶ 3   1 ◀▶ 2       what rank 0 has, each shard named by its owner and number, ends as
///             round 1   0 ◀▶ 1   2 ◀▶ 3       0.0 0.1 0.2 0.3   ▶   0.0 1.0 2.0 3.0
///             round 2   0 ◀▶ 2   1 ◀▶ 3       rank 0's 0.1 and rank 1's 1.0 changed places in round 1
///
/// Shard k of rank r goes to the place of shard r at rank k, and that of k comes in its stead: everything stays in one buffer,
/// and all shards have one size. The pairs are those of a round-robin tournament: with an odd number of players, m, r meets s - r
/// modulo m in round s, and who meets itself has a break; an even n is m = n - 1 and one more player, who meets the one with the
/// break.
///
///   rounds: c (n-1), or c n for an odd n, each rank having a break in one    time, S bytes, n even: (n-1) (c latency + S/(n
///   bandwidth))
/// with c chunks of each shard, one after the other. With an odd n a break is no gain for the others: n instead of n-1.
#include "reference/collectives/collective.h"
#include "reference/collectives/ring_order.h"

namespace convoy {
namespace {

int players_without_extra(int n) { return n % 2 == 1 ? n : n - 1; }

/// Whom a rank meets in round s; itself for a break.
int partner(int rank, int n, int s) {
  const int m = players_without_extra(n);
  if (rank == m) return static_cast<int>(std::int64_t{s} * (m + 1) / 2 % m);  // 2 r = s modulo m: the one with the break
  const int other = wrapped(s - rank, m);
  return other == rank && m < n ? m : other;
}

int rounds_of_chunk(const CollectiveRequest& r) { return r.world_size == 1 ? 0 : players_without_extra(r.world_size); }

Rounds rounds(const CollectiveRequest& request) {
  const int rounds = rounds_of_chunk(request);
  return {std::int64_t{rounds} * request.chunks, [=](std::int64_t i) -> Round {
            const int peer = partner(request.rank, request.world_size, static_cast<int>(i % rounds));
            const Slice slice = shard(channel_part(request, part_of(request, peer)), request.chunks, i / rounds);
            if (peer == request.rank || slice.count == 0) return {};
            return {Transfer{peer, slice}, Transfer{peer, slice}, OnReceive::copy};
          }};
}

std::int64_t round_count(const CollectiveRequest& r) { return std::int64_t{rounds_of_chunk(r)} * r.chunks; }

std::int64_t elements_sent(const CollectiveRequest& r) {
  std::int64_t sent = 0;
  for (int peer = 0; peer < r.world_size; ++peer)
    if (peer != r.rank) sent += channel_part(r, part_of(r, peer)).count;
  return sent;
}

double time_s(const CollectiveRequest& r, double bytes, const LinkModel& link) {
  return rounds_of_chunk(r) * (r.chunks * link.latency_s + bytes / r.world_size / link.bandwidth_bytes_per_s);
}

}  // namespace

extern const CollectiveAlgorithm pairwise_all_to_all{
    .kind = CollectiveKind::all_to_all,
    .name = "pairwise",
    .sentence =
        "in every round each rank swaps shards with one other; every shard goes straight to where it belongs, n-1 latencies",
    .rounds = rounds,
    .round_count = round_count,
    .elements_sent = elements_sent,
    .time_s = time_s};

}  // namespace convoy
