/// What algorithms share that move the shards of several ranks in one message.
#pragma once

#include <string>

#include "reference/collectives/collective.h"

namespace convoy {

/// The shards of `count` ranks from `first`, which lie side by side; count > 0.
inline Slice span_of_shards(const CollectiveRequest& request, int first, int count) {
  const std::int64_t begin = part_of(request, first).offset;
  return {begin, part_of(request, first + count - 1).end() - begin};
}

/// Parts first to first + count - 1 of a slice cut into `parts`; count > 0.
constexpr Slice span_of_parts(const Slice& slice, int parts, int first, int count) {
  const std::int64_t begin = shard(slice, parts, first).offset;
  return {begin, shard(slice, parts, first + count - 1).end() - begin};
}

/// A round of a send and a receive; without the halves that have no elements.
inline Round round_of(const Transfer& send, const Transfer& recv, OnReceive on_receive) {
  Round round;
  round.on_receive = on_receive;
  if (send.slice.count > 0) round.send = send;
  if (recv.slice.count > 0) round.recv = recv;
  return round;
}

/// Reasons for CollectiveAlgorithm::why_not.
std::string needs_one_part(const CollectiveRequest& request);
std::string needs_power_of_two(const CollectiveRequest& request);

/// log2 n latencies and (n-1)/n of the bytes: recursive halving or doubling of shards among n = 2^k ranks.
double doubling_time_s(const CollectiveRequest& request, double bytes, const LinkModel& link);

}  // namespace convoy
