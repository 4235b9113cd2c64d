/// Halving and doubling: exchange half of what is left with ranks at doubling distance, then go the way back (Rabenseifner 2004).
///
///   n = 4, a buffer of 4 blocks; what rank 0 sends (▶) and is left with
///     reduce-scatter   round 0   2 3 ▶ 1    0 1      added at both ends
///                      round 1     1 ▶ 2    0        has the sum of block 0
///     all-gather       round 2     0 ▶ 2    0 1      copied
///                      round 3   0 1 ▶ 1    0 1 2 3
///
///                                       rounds           time, S bytes, n a power of two
///   all-reduce (halving_doubling)       see halving.h    2 log2 n c latency + 2 (n-1)/n S/bandwidth
///   reduce-scatter (recursive_halving)  log2 n           log2 n latency + (n-1)/n S/bandwidth
/// As few bytes as the ring and only logarithmic latency. The largest messages go to the nearest ranks.
/// Reduce-scatter alone has to end with shard r at rank r, so there the largest messages go to the farthest ranks; it needs a
/// power of two and moves several shards at once, so it has one channel and one chunk.
#include "reference/collectives/halving.h"

namespace convoy {
namespace {

/// Partners differ in one bit of their numbers, which also says who keeps which half.
struct DoublingWay {
  static int partner(const HalvingStep& at) { return at.member ^ (1 << at.step); }
  static bool keeps_upper(const HalvingStep& at) { return (at.member >> at.step & 1) == 1; }
};

/// Of a power of two, where no block is empty: others have ranks that only wait.
std::vector<Stretch> all_reduce_stretches(const CollectiveRequest& r) {
  const Folded folded(r.world_size);
  if (folded.extra > 0 || Halving<DoublingWay>::slice_of(r, 0).count < folded.members) return {};
  std::vector<Stretch> stretches;
  for (int k = 0; k < 2 * folded.levels; ++k) {
    const int step = k < folded.levels ? k : 2 * folded.levels - 1 - k;
    const int parts = 2 << step;  // of what is left, the last of which is the largest
    std::int64_t elements = 0;
    for (int chunk = 0; chunk < r.chunks; ++chunk) elements += shard(Halving<DoublingWay>::slice_of(r, chunk), parts, parts - 1).count;
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
    .rounds = Halving<DoublingWay>::rounds,
    .round_count = Halving<DoublingWay>::round_count,
    .elements_sent = Halving<DoublingWay>::elements_sent,
    .time_s = Halving<DoublingWay>::time_s,
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
