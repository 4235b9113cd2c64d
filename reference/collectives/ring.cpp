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
#include "reference/collectives/collective.h"

namespace convoy {
namespace {

/// Part `chunk` of shard `index`, which may be given below zero and wraps around the ring.
Slice piece(const CollectiveRequest& request, int index, int chunk) {
  const int n = request.world_size;
  const int wrapped = ((index % n) + n) % n;
  return shard(part_of(request, wrapped), request.chunks, chunk);
}

/// One step around the ring: send one piece ahead, receive another from behind.
Round step(const CollectiveRequest& request, int send_index, int recv_index, int chunk, OnReceive on_receive) {
  const int n = request.world_size;
  Round round;
  round.on_receive = on_receive;
  if (const Slice slice = piece(request, send_index, chunk); slice.count > 0) round.send = {(request.rank + 1) % n, slice};
  if (const Slice slice = piece(request, recv_index, chunk); slice.count > 0) round.recv = {(request.rank + n - 1) % n, slice};
  return round;
}

Round reduce_scatter_step(const CollectiveRequest& request, int s, int chunk) {
  return step(request, request.rank - s - 1, request.rank - s - 2, chunk, OnReceive::add);
}

Round all_gather_step(const CollectiveRequest& request, int s, int chunk) {
  return step(request, request.rank - s, request.rank - s - 1, chunk, OnReceive::copy);
}

Rounds reduce_scatter_rounds(const CollectiveRequest& request) {
  const int steps = request.world_size - 1;
  return {std::int64_t{steps} * request.chunks,
          [=](std::int64_t i) { return reduce_scatter_step(request, static_cast<int>(i % steps), static_cast<int>(i / steps)); }};
}

Rounds all_gather_rounds(const CollectiveRequest& request) {
  const int steps = request.world_size - 1;
  return {std::int64_t{steps} * request.chunks,
          [=](std::int64_t i) { return all_gather_step(request, static_cast<int>(i % steps), static_cast<int>(i / steps)); }};
}

Rounds all_reduce_rounds(const CollectiveRequest& request) {
  const int steps = request.world_size - 1;
  return {std::int64_t{2} * steps * request.chunks, [=](std::int64_t i) {
            const int chunk = static_cast<int>(i / (2 * steps));
            const int s = static_cast<int>(i % (2 * steps));
            return s < steps ? reduce_scatter_step(request, s, chunk) : all_gather_step(request, s - steps, chunk);
          }};
}

// The closed forms of the table above.

std::int64_t once_around(const CollectiveRequest& r) { return std::int64_t{r.chunks} * (r.world_size - 1); }
std::int64_t twice_around(const CollectiveRequest& r) { return 2 * once_around(r); }

std::int64_t all_but_mine(const CollectiveRequest& r) { return r.count - part_of(r, r.rank).count; }
std::int64_t all_but_next(const CollectiveRequest& r) { return r.count - part_of(r, (r.rank + 1) % r.world_size).count; }
std::int64_t all_but_both(const CollectiveRequest& r) { return all_but_mine(r) + all_but_next(r); }

double once_around_s(const CollectiveRequest& r, double bytes, const LinkModel& link) {
  return (r.world_size - 1) * (r.chunks * link.latency_s + bytes / r.world_size / link.bandwidth_bytes_per_s);
}
double twice_around_s(const CollectiveRequest& r, double bytes, const LinkModel& link) {
  return 2 * once_around_s(r, bytes, link);
}

}  // namespace

const CollectiveAlgorithm ring_all_reduce{
    CollectiveKind::all_reduce, "ring", all_reduce_rounds, twice_around, all_but_both, twice_around_s};
const CollectiveAlgorithm ring_reduce_scatter{
    CollectiveKind::reduce_scatter, "ring", reduce_scatter_rounds, once_around, all_but_mine, once_around_s};
const CollectiveAlgorithm ring_all_gather{
    CollectiveKind::all_gather, "ring", all_gather_rounds, once_around, all_but_next, once_around_s};

}  // namespace convoy
