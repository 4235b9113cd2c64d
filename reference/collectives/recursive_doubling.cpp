/// Recursive doubling: in round k every rank exchanges all it has with the rank at distance 2^k.
///
///   n = 8, all-reduce    round 0   0 ◀▶ 1   2 ◀▶ 3   4 ◀▶ 5   6 ◀▶ 7       everybody has the sum of 2
///                        round 1   0 ◀▶ 2   1 ◀▶ 3   4 ◀▶ 6   5 ◀▶ 7                          of 4
///                        round 2   0 ◀▶ 4   1 ◀▶ 5   2 ◀▶ 6   3 ◀▶ 7                          of 8
///
///                rounds                                time, S bytes, n a power of two
///   all-reduce   c (log2 p + 2 if n is no power of 2)  log2 n (c latency + S/bandwidth)
///   all-gather   log2 n                                log2 n latency + (n-1)/n S/bandwidth
/// with c chunks, one after the other. All-reduce of another n is folded to p ranks (folded.h), for 2 (c latency + S/bandwidth)
/// more: fewest latencies, best for few bytes. All ranks add up the same pairs in each round, so that all get the same bits.
/// In all-gather the blocks of shards double: a rank sends the 2^k shards that it has, which lie side by side; it needs a power
/// of two (bruck.cpp does not) and moves several shards at once, so it has one channel and one chunk.
#include "reference/collectives/folded.h"
#include "reference/collectives/span.h"
#include "reference/core/error.h"

namespace convoy {
namespace {

Slice slice_of(const CollectiveRequest& request, std::int64_t chunk) {
  return shard(channel_part(request, {0, request.count}), request.chunks, chunk);
}

Round all_reduce_round(const CollectiveRequest& request, const Folded& folded, int k, const Slice& slice) {
  if (k < folded.folds()) return folded.fold(request.rank, slice);
  if (k == folded.folds() + folded.levels) return folded.unfold(request.rank, slice);
  if (!folded.is_member(request.rank) || slice.count == 0) return {};
  const int peer = folded.rank_of(folded.member_of(request.rank) ^ (1 << (k - folded.folds())));
  return {Transfer{peer, slice}, Transfer{peer, slice}, OnReceive::add};
}

int rounds_of_chunk(const CollectiveRequest& r) {
  const Folded folded(r.world_size);
  return folded.levels + 2 * folded.folds();
}

Rounds all_reduce_rounds(const CollectiveRequest& request) {
  const int rounds = rounds_of_chunk(request);
  return {std::int64_t{rounds} * request.chunks, [=, folded = Folded(request.world_size)](std::int64_t i) {
            return all_reduce_round(request, folded, static_cast<int>(i % rounds), slice_of(request, i / rounds));
          }};
}

std::int64_t all_reduce_round_count(const CollectiveRequest& r) { return std::int64_t{rounds_of_chunk(r)} * r.chunks; }

std::int64_t all_reduce_sent(const CollectiveRequest& r) {
  const Folded folded(r.world_size);
  const std::int64_t elements = channel_part(r, {0, r.count}).count;
  if (!folded.is_member(r.rank)) return elements;
  return elements * (folded.levels + (r.rank < 2 * folded.extra ? 1 : 0));
}

double all_reduce_s(const CollectiveRequest& r, double bytes, const LinkModel& link) {
  return rounds_of_chunk(r) * (r.chunks * link.latency_s + bytes / link.bandwidth_bytes_per_s);
}

/// Of a power of two: others have ranks that only wait.
std::vector<Stretch> all_reduce_stretches(const CollectiveRequest& r) {
  const Folded folded(r.world_size);
  const std::int64_t elements = channel_part(r, {0, r.count}).count;
  if (folded.extra > 0 || elements < r.chunks) return {};
  std::vector<Stretch> stretches;
  for (int k = 0; k < folded.levels; ++k) stretches.push_back(exchange_with(1 << k, r.chunks, elements, true));
  return stretches;
}

// All-gather: before round k a rank has the shards of its block of 2^k ranks.

Rounds all_gather_rounds(const CollectiveRequest& request) {
  return {Folded(request.world_size).levels, [=](std::int64_t k) {
            const int size = 1 << k;
            const int mine = request.rank / size * size;
            const int theirs = mine ^ size;
            const int peer = request.rank ^ size;
            return round_of({peer, span_of_shards(request, mine, size)}, {peer, span_of_shards(request, theirs, size)},
                            OnReceive::copy);
          }};
}

std::int64_t all_gather_round_count(const CollectiveRequest& r) { return Folded(r.world_size).levels; }

std::vector<Stretch> all_gather_stretches(const CollectiveRequest& r) {
  return exchanges_of_shards(r, [](int, int k) { return 1 << k; }, false);
}

std::int64_t all_gather_sent(const CollectiveRequest& r) {
  std::int64_t sent = 0;
  for (int size = 1; size < r.world_size; size *= 2) sent += span_of_shards(r, r.rank / size * size, size).count;
  return sent;
}

}  // namespace

extern const CollectiveAlgorithm recursive_doubling_all_reduce{
    .kind = CollectiveKind::all_reduce,
    .name = "recursive_doubling",
    .sentence = "ranks at distance 1, 2, 4, ... exchange everything; log n latencies, the fewest, and every byte as often",
    .rounds = all_reduce_rounds,
    .round_count = all_reduce_round_count,
    .elements_sent = all_reduce_sent,
    .time_s = all_reduce_s,
    .stretches = all_reduce_stretches};
extern const CollectiveAlgorithm recursive_doubling_all_gather{
    .kind = CollectiveKind::all_gather,
    .name = "recursive_doubling",
    .sentence = "ranks at distance 1, 2, 4, ... exchange all shards they have; log n latencies; powers of two only",
    .rounds = all_gather_rounds,
    .round_count = all_gather_round_count,
    .elements_sent = all_gather_sent,
    .time_s = doubling_time_s,
    .why_not = needs_power_of_two,
    .stretches = all_gather_stretches};

}  // namespace convoy
