/// Linear: the root takes part in every message, one rank after the other.
///
///   n = 4, root 0, reduce:   round 0   1 ▶ 0      broadcast:   round 0   0 ▶ 1
///                            round 1   2 ▶ 0                   round 1   0 ▶ 2
///                            round 2   3 ▶ 0                   round 2   0 ▶ 3
///
///   rounds: c(n-1)     time, S bytes: (n-1) (c latency + S/bandwidth)     with c chunks, one after the other
/// Ranks are taken in order, from 0, without the root. With root 0 the sum is added up in the order of the ranks,
/// ((x0 + x1) + x2) + ..., which is the order of a serial program and of a server that takes its workers in turn: those can be
/// compared bit by bit. All-reduce is a reduce to rank 0 and then a broadcast from it, in twice the time.
#include "reference/collectives/collective.h"

namespace convoy {
namespace {

/// The i-th rank that is not the root.
int other(const CollectiveRequest& request, int i) { return i < request.root ? i : i + 1; }

Slice slice_of(const CollectiveRequest& request, std::int64_t chunk) {
  return shard(channel_part(request, {0, request.count}), request.chunks, chunk);
}

/// Rounds in which the root takes no part and this rank does not stand are empty.
Round round_with(const CollectiveRequest& request, int i, std::int64_t chunk, bool to_root) {
  const int peer = other(request, i);
  const Slice slice = slice_of(request, chunk);
  Round round;
  round.on_receive = to_root ? OnReceive::add : OnReceive::copy;
  if (slice.count == 0 || (request.rank != request.root && request.rank != peer)) return round;
  const bool at_root = request.rank == request.root;
  const Transfer transfer{at_root ? peer : request.root, slice};
  (at_root == to_root ? round.recv : round.send) = transfer;
  return round;
}

Rounds one_way(const CollectiveRequest& request, bool to_root) {
  const int others = request.world_size - 1;
  return {std::int64_t{others} * request.chunks,
          [=](std::int64_t i) { return round_with(request, static_cast<int>(i % others), i / others, to_root); }};
}

Rounds reduce_rounds(const CollectiveRequest& request) { return one_way(request, true); }
Rounds broadcast_rounds(const CollectiveRequest& request) { return one_way(request, false); }

Rounds all_reduce_rounds(const CollectiveRequest& whole) {
  CollectiveRequest request = whole;
  request.root = 0;
  const int others = request.world_size - 1;
  return {std::int64_t{2} * others * request.chunks, [=](std::int64_t i) {
            const int k = static_cast<int>(i % (2 * others));
            return round_with(request, k % others, i / (2 * others), k < others);
          }};
}

std::int64_t once(const CollectiveRequest& r) { return std::int64_t{r.chunks} * (r.world_size - 1); }
std::int64_t twice(const CollectiveRequest& r) { return 2 * once(r); }

std::int64_t elements_of_channel(const CollectiveRequest& r) { return channel_part(r, {0, r.count}).count; }
std::int64_t sent_to_root(const CollectiveRequest& r) { return r.rank == r.root ? 0 : elements_of_channel(r); }
std::int64_t sent_by_root(const CollectiveRequest& r) {
  return r.rank == r.root ? elements_of_channel(r) * (r.world_size - 1) : 0;
}
std::int64_t sent_both_ways(const CollectiveRequest& r) { return elements_of_channel(r) * (r.rank == 0 ? r.world_size - 1 : 1); }

double once_s(const CollectiveRequest& r, double bytes, const LinkModel& link) {
  return (r.world_size - 1) * (r.chunks * link.latency_s + bytes / link.bandwidth_bytes_per_s);
}
double twice_s(const CollectiveRequest& r, double bytes, const LinkModel& link) { return 2 * once_s(r, bytes, link); }

}  // namespace

extern const CollectiveAlgorithm linear_all_reduce{
    .kind = CollectiveKind::all_reduce,
    .name = "linear",
    .sentence = "rank 0 adds all others to its own in the order of the ranks, then sends everybody the sum; slow, exact order",
    .rounds = all_reduce_rounds,
    .round_count = twice,
    .elements_sent = sent_both_ways,
    .time_s = twice_s};
extern const CollectiveAlgorithm linear_reduce{
    .kind = CollectiveKind::reduce,
    .name = "linear",
    .sentence = "the root adds all others to its own in the order of the ranks; slow, exact order",
    .rounds = reduce_rounds,
    .round_count = once,
    .elements_sent = sent_to_root,
    .time_s = once_s};
extern const CollectiveAlgorithm linear_broadcast{.kind = CollectiveKind::broadcast,
                                           .name = "linear",
                                           .sentence = "the root sends everything to one rank after the other",
                                           .rounds = broadcast_rounds,
                                           .round_count = once,
                                           .elements_sent = sent_by_root,
                                           .time_s = once_s};

}  // namespace convoy
