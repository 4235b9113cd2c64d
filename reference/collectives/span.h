/// What algorithms share that move the shards of several ranks in one message.
#pragma once

#include <string>

#include "reference/collectives/collective.h"
#include "reference/collectives/lock_step.h"

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

/// The stretch of the rounds in which ranks r and r ^ distance exchange pieces, distance being a power of two.
inline Stretch exchange_with(int distance, std::int64_t rounds, std::int64_t elements, bool adds) {
  return {.rounds = rounds, .adds = adds ? rounds : 0, .elements = elements, .size = 2, .stride = distance};
}

/// The stretches of a collective in whose round k blocks of shards move between ranks at distance(k); none where shards are of
/// other sizes than shard() makes, or some are empty, since then ranks are not alike.
std::vector<Stretch> exchanges_of_shards(const CollectiveRequest& request, int (*distance)(int world_size, int k), bool adds);

/// Reasons for CollectiveAlgorithm::why_not.
std::string needs_one_part(const CollectiveRequest& request);
std::string needs_power_of_two(const CollectiveRequest& request);

/// log2 n latencies and (n-1)/n of the bytes: recursive halving or doubling of shards among n = 2^k ranks.
double doubling_time_s(const CollectiveRequest& request, double bytes, const LinkModel& link);

}  // namespace convoy
