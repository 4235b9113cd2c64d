/// Halving and doubling: exchange half of what is left with ranks at doubling distance, then go the way back (Rabenseifner 2004).
///
///   n = 4, a buffer of 4 blocks; what rank 0 sends (▶) and is left with
///     reduce-scatter   round 0   2 3 ▶ 1    0 1      added at both ends
///                      round 1     1 ▶ 2    0        has the sum of block 0
///     all-gather       round 2     0 ▶ 2    0 1      copied
///                      round 3   0 1 ▶ 1    0 1 2 3
///
///                                       rounds                                  time, S bytes, n a power of two
///   all-reduce (halving_doubling)       c (2 log2 p + 2 if n is no power of 2)  2 log2 n c latency + 2 (n-1)/n S/bandwidth
///   reduce-scatter (recursive_halving)  log2 n                                  log2 n latency + (n-1)/n S/bandwidth
/// with c chunks, one after the other. As few bytes as the ring and only logarithmic latency. The largest messages go to the
/// nearest ranks. Another n is folded to p ranks (folded.h): 2 (c latency + S/bandwidth) more, and p for n.
/// Reduce-scatter alone has to end with shard r at rank r, so there the largest messages go to the farthest ranks; it needs a
/// power of two and moves several shards at once, so it has one channel and one chunk.
#include "reference/collectives/folded.h"
#include "reference/collectives/span.h"

namespace convoy {
namespace {

/// The first of the blocks that a member has after `steps` exchanges; it has p / 2^steps of them.
int first_block(const Folded& folded, int member, int steps) {
  int first = 0;
  for (int i = 0; i < steps; ++i)
    if ((member >> i & 1) == 1) first += folded.members >> (i + 1);
  return first;
}

/// Exchange `step` between halves: what the member keeps, and the half that it gives away.
struct Halves {
  int peer;
  Slice kept, given;
};
Halves halves_at(const Folded& folded, int member, int step, const Slice& slice) {
  const int size = folded.members >> (step + 1);
  const int peer = member ^ (1 << step);
  return {folded.rank_of(peer), span_of_parts(slice, folded.members, first_block(folded, member, step + 1), size),
          span_of_parts(slice, folded.members, first_block(folded, peer, step + 1), size)};
}

Round all_reduce_round(const CollectiveRequest& request, const Folded& folded, int k, const Slice& slice) {
  if (k < folded.folds()) return folded.fold(request.rank, slice);
  k -= folded.folds();
  if (k == 2 * folded.levels) return folded.unfold(request.rank, slice);
  if (!folded.is_member(request.rank)) return {};
  const bool scatters = k < folded.levels;
  const Halves halves = halves_at(folded, folded.member_of(request.rank), scatters ? k : 2 * folded.levels - 1 - k, slice);
  if (scatters) return round_of({halves.peer, halves.given}, {halves.peer, halves.kept}, OnReceive::add);
  return round_of({halves.peer, halves.kept}, {halves.peer, halves.given}, OnReceive::copy);
}

Slice slice_of(const CollectiveRequest& request, std::int64_t chunk) {
  return shard(channel_part(request, {0, request.count}), request.chunks, chunk);
}

int rounds_of_chunk(const CollectiveRequest& r) {
  const Folded folded(r.world_size);
  return 2 * folded.levels + 2 * folded.folds();
}

Rounds all_reduce_rounds(const CollectiveRequest& request) {
  const int rounds = rounds_of_chunk(request);
  return {std::int64_t{rounds} * request.chunks, [=, folded = Folded(request.world_size)](std::int64_t i) {
            return all_reduce_round(request, folded, static_cast<int>(i % rounds), slice_of(request, i / rounds));
          }};
}

std::int64_t all_reduce_round_count(const CollectiveRequest& r) { return std::int64_t{rounds_of_chunk(r)} * r.chunks; }

/// All blocks but the last one it is left with, on the way there and, by its peers' halves, on the way back.
std::int64_t all_reduce_sent(const CollectiveRequest& r) {
  const Folded folded(r.world_size);
  if (!folded.is_member(r.rank)) return channel_part(r, {0, r.count}).count;
  std::int64_t sent = r.rank < 2 * folded.extra ? channel_part(r, {0, r.count}).count : 0;
  for (int chunk = 0; chunk < r.chunks; ++chunk) {
    const Slice slice = slice_of(r, chunk);
    for (int step = 0; step < folded.levels; ++step) {
      const Halves halves = halves_at(folded, folded.member_of(r.rank), step, slice);
      sent += halves.given.count + halves.kept.count;
    }
  }
  return sent;
}

double all_reduce_s(const CollectiveRequest& r, double bytes, const LinkModel& link) {
  const Folded folded(r.world_size);
  const double moved = 2.0 * (folded.members - 1) / folded.members + 2.0 * folded.folds();
  return rounds_of_chunk(r) * r.chunks * link.latency_s + moved * bytes / link.bandwidth_bytes_per_s;
}

/// Of a power of two, where no block is empty: others have ranks that only wait.
std::vector<Stretch> all_reduce_stretches(const CollectiveRequest& r) {
  const Folded folded(r.world_size);
  if (folded.extra > 0 || slice_of(r, 0).count < folded.members) return {};
  std::vector<Stretch> stretches;
  for (int k = 0; k < 2 * folded.levels; ++k) {
    const int step = k < folded.levels ? k : 2 * folded.levels - 1 - k;
    const int parts = 2 << step;  // of what is left, the last of which is the largest
    std::int64_t elements = 0;
    for (int chunk = 0; chunk < r.chunks; ++chunk) elements += shard(slice_of(r, chunk), parts, parts - 1).count;
    stretches.push_back(exchange_with(1 << step, r.chunks, elements, k < folded.levels));
  }
  return stretches;
}

/// Reduce-scatter of n = 2^k ranks: in each round a rank gives away the half of its block of ranks in which it does not stand.
struct Blocks {
  int peer, mine, theirs, size;
};
Blocks blocks_at(const CollectiveRequest& r, std::int64_t k) {
  const int size = r.world_size >> (k + 1);
  const int mine = r.rank / size * size;
  return {r.rank ^ size, mine, mine ^ size, size};
}

Rounds reduce_scatter_rounds(const CollectiveRequest& request) {
  return {Folded(request.world_size).levels, [=](std::int64_t k) {
            const Blocks b = blocks_at(request, k);
            return round_of({b.peer, span_of_shards(request, b.theirs, b.size)},
                            {b.peer, span_of_shards(request, b.mine, b.size)}, OnReceive::add);
          }};
}

std::int64_t reduce_scatter_round_count(const CollectiveRequest& r) { return Folded(r.world_size).levels; }

std::vector<Stretch> reduce_scatter_stretches(const CollectiveRequest& r) {
  return exchanges_of_shards(r, [](int n, int k) { return n >> (k + 1); }, true);
}

std::int64_t reduce_scatter_sent(const CollectiveRequest& r) { return r.count - part_of(r, r.rank).count; }

}  // namespace

extern const CollectiveAlgorithm halving_doubling_all_reduce{
    .kind = CollectiveKind::all_reduce,
    .name = "halving_doubling",
    .sentence = "halves are exchanged and summed until each rank has one block, then the way back; few bytes, 2 log n latencies",
    .rounds = all_reduce_rounds,
    .round_count = all_reduce_round_count,
    .elements_sent = all_reduce_sent,
    .time_s = all_reduce_s,
    .stretches = all_reduce_stretches};
extern const CollectiveAlgorithm recursive_halving_reduce_scatter{
    .kind = CollectiveKind::reduce_scatter,
    .name = "recursive_halving",
    .sentence = "halves are exchanged and summed until each rank has its shard; log n latencies; powers of two only",
    .rounds = reduce_scatter_rounds,
    .round_count = reduce_scatter_round_count,
    .elements_sent = reduce_scatter_sent,
    .time_s = doubling_time_s,
    .why_not = needs_power_of_two,
    .stretches = reduce_scatter_stretches};

}  // namespace convoy
