/// Collectives: operations in which every rank of a group takes part, as sequences of rounds.
///
/// An algorithm is a function from a request to rounds. It moves nothing: executors do, real or simulated, and all of
/// them run the same rounds. To add an algorithm, write one file and one line of the table in collective.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reference/core/shard.h"

namespace convoy {

/// What every rank has in its buffer of `count` elements when the collective ends. "Its shard" is part_of(request, rank).
enum class CollectiveKind : std::uint8_t {
  all_reduce,      ///< the sum over all ranks, everywhere
  reduce_scatter,  ///< the sum, in its shard; the rest of the buffer holds partial sums
  all_gather,      ///< every rank's shard, everywhere
  broadcast,       ///< the root's elements, everywhere
  reduce,          ///< the sum over all ranks at the root; the others hold partial sums
  all_to_all,      ///< in the place of shard k what was shard r of rank k, at rank r: a transposition. All shards have one size
};
inline constexpr int kCollectiveKindCount = 6;
std::string_view to_string(CollectiveKind kind);
/// Whether it adds up what the ranks have.
constexpr bool is_reduction(CollectiveKind kind) {
  return kind == CollectiveKind::all_reduce || kind == CollectiveKind::reduce_scatter || kind == CollectiveKind::reduce;
}
/// The inverse of to_string; an InputError names the nearest.
CollectiveKind parse_collective_kind(std::string_view name);

/// Whether it moves shards of different ranks, so that every rank's share of the buffer matters.
constexpr bool has_shards(CollectiveKind kind) {
  return kind == CollectiveKind::reduce_scatter || kind == CollectiveKind::all_gather || kind == CollectiveKind::all_to_all;
}

/// One collective as one channel of one rank sees it.
///
/// Channels run at the same time, each with rounds of its own and, where the algorithm knows several, on a way of its own: other
/// rings, the other tree. They divide the elements: channel c has part c of every piece. The collective has ended at a rank when
/// all its channels have. A round is never longer than its messages, and no round of one channel waits for one of another.
struct CollectiveRequest {
  int rank = 0;            ///< within the group
  int world_size = 1;      ///< ranks in the group
  int root = 0;            ///< broadcast and reduce only
  std::int64_t count = 0;  ///< elements in the buffer of every rank
  int chunks = 1;          ///< parts in which a channel's elements go through: one after the other, or in a pipeline
  /// Where the shards of the ranks begin, and where the last one ends: world_size + 1 values from 0 to count that do not fall.
  /// Empty: shards as even as can be.
  std::vector<std::int64_t> bounds = {};
  int channels = 1;
  int channel = 0;         ///< whose rounds are asked for, 0 to channels - 1
  int ranks_per_node = 0;  ///< ranks 0 to ranks_per_node - 1 of the group share a node, the next as many the next; 0: unknown
};
/// The shard of a rank of the group.
Slice part_of(const CollectiveRequest& request, int rank);
/// What the channel of the request has of a slice.
constexpr Slice channel_part(const CollectiveRequest& request, const Slice& slice) {
  return shard(slice, request.channels, request.channel);
}

/// Half of a message: these elements of my buffer, to or from this rank of the group.
struct Transfer {
  int peer = 0;
  Slice slice;
  friend bool operator==(const Transfer&, const Transfer&) = default;
};

/// What to do with elements that arrive: overwrite mine, or add to mine.
enum class OnReceive : std::uint8_t { copy, add };

/// One step of a collective at one rank. It ends when its messages have moved and what arrived is in place.
/// The two halves of a transfer stand in the same round of their ranks. Transfers of zero elements are left out, at both ends.
/// What is sent and what is received either share no element or are the same slice. Then ranks exchange in place: what leaves is
/// what stood there before the round, and an executor puts in place what arrived only after what it sends has left.
struct Round {
  std::optional<Transfer> send;
  std::optional<Transfer> recv;
  OnReceive on_receive = OnReceive::copy;
};
/// Whether what arrives must wait until what is sent has left.
constexpr bool is_in_place(const Round& round) { return round.send && round.recv && round.send->slice == round.recv->slice; }

/// The rounds of one channel of one rank: made when asked for, never stored. A ring of 512 ranks in 4 chunks has two million
/// transfers.
struct Rounds {
  std::int64_t count = 0;
  std::function<Round(std::int64_t)> at;  ///< 0 <= round < count
};

/// Time of one message of b bytes on an idle link: latency + b / bandwidth (Hockney 1994).
struct LinkModel {
  double latency_s = 0;
  double bandwidth_bytes_per_s = 1;
  [[nodiscard]] double time_s(double bytes) const { return latency_s + bytes / bandwidth_bytes_per_s; }
};

struct Stretch;  // lock_step.h

/// One row of the table: an algorithm with the closed forms that its file derives.
struct CollectiveAlgorithm {
  CollectiveKind kind;
  std::string_view name;      ///< "ring", "binomial"
  std::string_view sentence;  ///< how it works and when it is good, for people
  /// Of the channel that the request names.
  Rounds (*rounds)(const CollectiveRequest&);
  std::int64_t (*round_count)(const CollectiveRequest&);
  /// Elements that the channel of this rank sends. Exact for every count.
  std::int64_t (*elements_sent)(const CollectiveRequest&);
  /// Time of the whole collective when every rank has one link of this kind each way, which its channels share evenly, and no
  /// message waits for another rank's; `bytes` is the whole buffer. Exact when pieces are even. Null, or NaN for some requests:
  /// no closed form is known.
  double (*time_s)(const CollectiveRequest&, double bytes, const LinkModel&) = nullptr;
  /// Why it cannot do what is asked for, "" when it can. Null: it always can.
  std::string (*why_not)(const CollectiveRequest&) = nullptr;
  /// For n > 1 ranks and count > 0: see lock_steps(). Null: it never has any.
  std::vector<Stretch> (*stretches)(const CollectiveRequest&) = nullptr;
  int usual_channels = 1;     ///< when nobody says how many
  bool is_pipelined = false;  ///< chunks follow each other through it, so that more of them can be faster
};

std::span<const CollectiveAlgorithm> collective_algorithms();
/// The row of this kind and name; an InputError names the nearest.
const CollectiveAlgorithm& collective_algorithm(CollectiveKind kind, std::string_view name);

/// Why an algorithm cannot do what is asked for, "" when it can: its own reasons and those of its kind.
std::string why_not(const CollectiveAlgorithm& algorithm, const CollectiveRequest& request);
/// Elements that a rank sends on all channels together.
std::int64_t elements_sent_by_all_channels(const CollectiveAlgorithm& algorithm, const CollectiveRequest& request);

/// busbw as nccl-tests defines it: algbw = bytes/time, times 2(n-1)/n for all-reduce, (n-1)/n for all-gather, reduce-scatter
/// and all-to-all, 1 for broadcast and reduce. `bytes` is the largest buffer of a rank. 0 when time is 0.
double bus_bandwidth(CollectiveKind kind, double bytes, double time_s, int world_size);

}  // namespace convoy
