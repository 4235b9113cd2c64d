/// Bruck: all-gather in ceil(log2 n) steps for any number of ranks (Bruck et al. 1997).
///
///   n = 5, which shards rank 2 has     at first   2
///                                      step 0     2 3              from rank 3, which had 3
///                                      step 1     2 3 4 0          from rank 4, which had 4 0
///                                      step 2     2 3 4 0 1        from rank 1, which had 1 2 3 4: as many as are missing
///
/// In step k a rank has the 2^k shards from its own on, around the end of the buffer, and gets as many from the rank 2^k ahead.
/// What goes around the end is two pieces, so every step is two rounds: what lies before the end, and what begins again at 0.
///
///   rounds: 2 ceil(log2 n)      bytes: (n-1)/n S a rank, as the ring
///   time: no closed form is known, since at each step other ranks have two pieces; at most 2 ceil(log2 n) latency + (n-1)/n
///   S/bandwidth + what ranks wait for each other
/// Several shards move in one message, so there is one channel and one chunk.
#include <algorithm>
#include <bit>

#include "reference/collectives/ring_order.h"
#include "reference/collectives/span.h"

namespace convoy {
namespace {

int levels_of(const CollectiveRequest& r) { return static_cast<int>(std::bit_width(static_cast<unsigned>(r.world_size - 1))); }

/// Of `count` shards from `first` on, those before the end of the buffer or, in the second round of a step, those behind it.
Slice piece(const CollectiveRequest& request, int first, int count, bool behind_end) {
  const int n = request.world_size;
  const int before = std::min(count, n - first);
  if (behind_end) return before < count ? span_of_shards(request, 0, count - before) : Slice{};
  return span_of_shards(request, first, before);
}

Round round_at(const CollectiveRequest& request, std::int64_t i) {
  const int n = request.world_size;
  const int distance = 1 << (i / 2);
  const int count = std::min(distance, n - distance);
  const int ahead = (request.rank + distance) % n;
  return round_of({wrapped(request.rank - distance, n), piece(request, request.rank, count, i % 2 == 1)},
                  {ahead, piece(request, ahead, count, i % 2 == 1)}, OnReceive::copy);
}

Rounds rounds(const CollectiveRequest& request) {
  return {2 * levels_of(request), [=](std::int64_t i) { return round_at(request, i); }};
}
std::int64_t round_count(const CollectiveRequest& r) { return 2 * levels_of(r); }

/// The first min(2^k, n - 2^k) shards from its own on, for every k.
std::int64_t elements_sent(const CollectiveRequest& r) {
  std::int64_t sent = 0;
  for (int distance = 1; distance < r.world_size; distance *= 2) {
    const int count = std::min(distance, r.world_size - distance);
    sent += piece(r, r.rank, count, false).count + piece(r, r.rank, count, true).count;
  }
  return sent;
}

}  // namespace

extern const CollectiveAlgorithm bruck_all_gather{
    .kind = CollectiveKind::all_gather,
    .name = "bruck",
    .sentence = "in every step all shards a rank has go to the rank at twice the distance of before; log n steps for any n",
    .rounds = rounds,
    .round_count = round_count,
    .elements_sent = elements_sent,
    .why_not = needs_one_part};

}  // namespace convoy
