#include "reference/collectives/grid.h"

#include "reference/collectives/ring_order.h"
#include "reference/collectives/span.h"

namespace convoy {
namespace {

/// A rank on one of its lines, as positions of a ring.
struct Line {
  int size, position, next, previous;
};

Line line_of(int rank, int size, int stride, bool reversed) {
  const int place = rank / stride % size;
  const auto at = [&](int other) { return rank + (wrapped(other, size) - place) * stride; };
  if (reversed) return {size, size - 1 - place, at(place - 1), at(place + 1)};
  return {size, place, at(place + 1), at(place - 1)};
}

Line inner_of(const CollectiveRequest& r, const GridPlace& p) {
  return line_of(r.rank, p.inner_size, p.inner_stride, p.reversed);
}
Line outer_of(const CollectiveRequest& r, const GridPlace& p) {
  return line_of(r.rank, p.outer_size, p.outer_stride, p.reversed);
}

Slice chunk_of(const CollectiveRequest& request, std::int64_t chunk) {
  return shard(channel_part(request, {0, request.count}), request.chunks, chunk);
}

Round ring_round(const Line& line, const Slice& slice, const RingStep& step, OnReceive on_receive) {
  return round_of({line.next, shard(slice, line.size, step.send_index)},
                  {line.previous, shard(slice, line.size, step.recv_index)}, on_receive);
}

/// Steps 0 to 2 (size - 1) - 1: a reduce-scatter, then an all-gather.
Round all_reduce_round(const Line& line, const Slice& slice, int s) {
  const int steps = line.size - 1;
  if (s < steps) return ring_round(line, slice, reduce_scatter_step(line.position, line.size, s), OnReceive::add);
  return ring_round(line, slice, all_gather_step(line.position, line.size, s - steps), OnReceive::copy);
}

Round round_at(const Line& inner, const Line& outer, const Slice& slice, int s) {
  const int within = inner.size - 1, across = 2 * (outer.size - 1);
  if (s < within) return all_reduce_round(inner, slice, s);
  if (s < within + across) return all_reduce_round(outer, shard(slice, inner.size, inner.position), s - within);
  return all_reduce_round(inner, slice, s - across);
}

/// Of an all-reduce on a ring: everything twice, but not its own block and not the next one's.
std::int64_t ring_elements(const Line& line, const Slice& slice) {
  if (line.size == 1) return 0;
  return 2 * slice.count - shard(slice, line.size, line.position).count -
         shard(slice, line.size, wrapped(line.position + 1, line.size)).count;
}

}  // namespace

Rounds grid_rounds(const CollectiveRequest& request, const GridPlace& place) {
  const std::int64_t rounds = grid_round_count(request, place) / request.chunks;
  return {rounds * request.chunks, [=, inner = inner_of(request, place), outer = outer_of(request, place)](std::int64_t i) {
            return round_at(inner, outer, chunk_of(request, i / rounds), static_cast<int>(i % rounds));
          }};
}

std::int64_t grid_round_count(const CollectiveRequest& request, const GridPlace& place) {
  return std::int64_t{request.chunks} * 2 * (place.inner_size - 1 + place.outer_size - 1);
}

std::int64_t grid_elements_sent(const CollectiveRequest& request, const GridPlace& place) {
  const Line inner = inner_of(request, place), outer = outer_of(request, place);
  std::int64_t sent = 0;
  for (std::int64_t chunk = 0; chunk < request.chunks; ++chunk) {
    const Slice slice = chunk_of(request, chunk);
    sent += ring_elements(inner, slice) + ring_elements(outer, shard(slice, inner.size, inner.position));
  }
  return sent;
}

std::vector<Stretch> grid_stretches(const CollectiveRequest& request, const GridPlace& place) {
  const std::int64_t within = std::int64_t{request.chunks} * (place.inner_size - 1);
  const std::int64_t across = std::int64_t{request.chunks} * (place.outer_size - 1);
  Stretch inner{.rounds = within, .size = place.inner_size, .stride = place.inner_stride, .reversed = place.reversed};
  Stretch outer{.rounds = 2 * across, .adds = across, .size = place.outer_size, .stride = place.outer_stride, .reversed = place.reversed};
  for (int chunk = 0; chunk < request.chunks; ++chunk) {  // the last piece is the largest
    const Slice block = shard(chunk_of(request, chunk), place.inner_size, place.inner_size - 1);
    inner.elements += (place.inner_size - 1) * block.count;
    outer.elements += 2 * (place.outer_size - 1) * shard(block, place.outer_size, place.outer_size - 1).count;
  }
  std::vector<Stretch> stretches;
  if (inner.size > 1) stretches.push_back(inner);
  if (inner.size > 1) stretches.back().adds = within;
  if (outer.size > 1) stretches.push_back(outer);
  if (inner.size > 1) stretches.push_back(inner);
  return stretches;
}

double grid_time_s(const CollectiveRequest& request, const GridPlace& place, double bytes, const LinkModel& link) {
  const auto ring_s = [&](int size, double of_bytes) {
    return 2 * (size - 1) * (request.chunks * link.latency_s + of_bytes / size / link.bandwidth_bytes_per_s);
  };
  return ring_s(place.inner_size, bytes) + ring_s(place.outer_size, bytes / place.inner_size);
}

}  // namespace convoy
