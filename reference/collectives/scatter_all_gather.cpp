/// Scatter, then all-gather: a broadcast for long buffers (van de Geijn 1994).
///
///   n = 8, root 0, blocks of an eighth       round 0   0 ▶ 4: blocks 4 to 7        rounds 3 to 9: the ring's all-gather
///                                            round 1   0 ▶ 2: 2 3   4 ▶ 6: 6 7
///                                            round 2   0 ▶ 1   2 ▶ 3   4 ▶ 5   6 ▶ 7
///
///   rounds: c (ceil(log2 n) + n-1)    time, S bytes: (ceil(log2 n) + n-1) c latency + 2 (n-1)/n S/bandwidth
/// with c chunks, one after the other. Ranks are counted from the root, and rank v is to get block v by the scatter. Every byte
/// leaves a rank about twice instead of log2 n times.
#include <algorithm>
#include <bit>

#include "reference/collectives/ring_order.h"
#include "reference/collectives/span.h"

namespace convoy {
namespace {

int levels_of(const CollectiveRequest& r) { return static_cast<int>(std::bit_width(static_cast<unsigned>(r.world_size - 1))); }
int from_root(const CollectiveRequest& r) { return (r.rank - r.root + r.world_size) % r.world_size; }
int rank_at(const CollectiveRequest& r, int v) { return (wrapped(v, r.world_size) + r.root) % r.world_size; }

Slice slice_of(const CollectiveRequest& request, std::int64_t chunk) {
  return shard(channel_part(request, {0, request.count}), request.chunks, chunk);
}

/// The blocks for v and those behind it, less than `distance` of them.
Slice blocks_from(const CollectiveRequest& r, const Slice& slice, int v, int distance) {
  return span_of_parts(slice, r.world_size, v, std::min(distance, r.world_size - v));
}

Round scatter_round(const CollectiveRequest& request, int level, const Slice& slice) {
  const int n = request.world_size, v = from_root(request);
  const int distance = 1 << (levels_of(request) - 1 - level);
  Round round;
  if (v % (2 * distance) == 0 && v + distance < n) {
    const Slice blocks = blocks_from(request, slice, v + distance, distance);
    if (blocks.count > 0) round.send = {rank_at(request, v + distance), blocks};
  } else if (v % (2 * distance) == distance) {
    const Slice blocks = blocks_from(request, slice, v, distance);
    if (blocks.count > 0) round.recv = {rank_at(request, v - distance), blocks};
  }
  return round;
}

Round gather_round(const CollectiveRequest& request, int s, const Slice& slice) {
  const int n = request.world_size, v = from_root(request);
  const RingStep step = all_gather_step(v, n, s);
  return round_of({rank_at(request, v + 1), shard(slice, n, step.send_index)},
                  {rank_at(request, v - 1), shard(slice, n, step.recv_index)}, OnReceive::copy);
}

int rounds_of_chunk(const CollectiveRequest& r) { return levels_of(r) + r.world_size - 1; }

Rounds rounds(const CollectiveRequest& request) {
  const int rounds = rounds_of_chunk(request), levels = levels_of(request);
  return {std::int64_t{rounds} * request.chunks, [=](std::int64_t i) {
            const int k = static_cast<int>(i % rounds);
            const Slice slice = slice_of(request, i / rounds);
            return k < levels ? scatter_round(request, k, slice) : gather_round(request, k - levels, slice);
          }};
}

std::int64_t round_count(const CollectiveRequest& r) { return std::int64_t{rounds_of_chunk(r)} * r.chunks; }

/// The scatter's messages, and in the all-gather all blocks but the next rank's.
std::int64_t elements_sent(const CollectiveRequest& r) {
  const int n = r.world_size, v = from_root(r);
  if (n == 1) return 0;
  std::int64_t sent = 0;
  for (std::int64_t chunk = 0; chunk < r.chunks; ++chunk) {
    const Slice slice = slice_of(r, chunk);
    sent += slice.count - shard(slice, n, wrapped(v + 1, n)).count;
    for (int distance = 1; distance < n && v % (2 * distance) == 0; distance *= 2)
      if (v + distance < n) sent += blocks_from(r, slice, v + distance, distance).count;
  }
  return sent;
}

double time_s(const CollectiveRequest& r, double bytes, const LinkModel& link) {
  const int n = r.world_size;
  const double moved = 2.0 * (n - 1) / n;
  return static_cast<double>(round_count(r)) * link.latency_s + moved * bytes / link.bandwidth_bytes_per_s;
}

}  // namespace

extern const CollectiveAlgorithm scatter_all_gather_broadcast{
    .kind = CollectiveKind::broadcast,
    .name = "scatter_all_gather",
    .sentence = "a block to every rank, then a ring collects them; every byte leaves a rank twice, n + log n latencies",
    .rounds = rounds,
    .round_count = round_count,
    .elements_sent = elements_sent,
    .time_s = time_s};

}  // namespace convoy
