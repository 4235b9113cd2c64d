/// Collectives: operations in which every rank of a group takes part, as sequences of rounds.
///
/// An algorithm is a function from a request to rounds. It moves nothing: executors do, real or simulated, and all of
/// them run the same rounds. To add an algorithm, write one file and one row of the table in collective.cpp.
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
};
inline constexpr int kCollectiveKindCount = 5;
std::string_view to_string(CollectiveKind kind);
/// Whether it adds up what the ranks have.
constexpr bool is_reduction(CollectiveKind kind) {
  return kind == CollectiveKind::all_reduce || kind == CollectiveKind::reduce_scatter || kind == CollectiveKind::reduce;
}
/// The inverse of to_string; an InputError names the nearest.
CollectiveKind parse_collective_kind(std::string_view name);

/// One collective as one rank sees it.
struct CollectiveRequest {
  int rank = 0;            ///< within the group
  int world_size = 1;      ///< ranks in the group
  int root = 0;            ///< broadcast and reduce only
  std::int64_t count = 0;  ///< elements in the buffer of every rank
  int chunks = 1;          ///< the buffer goes through the algorithm in this many parts, one after the other
  /// Where the shards of the ranks begin, and where the last one ends: world_size + 1 values from 0 to count that do not fall.
  /// Empty: shards as even as can be.
  std::vector<std::int64_t> bounds = {};
};
/// The shard of a rank of the group.
Slice part_of(const CollectiveRequest& request, int rank);

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
struct Round {
  std::optional<Transfer> send;
  std::optional<Transfer> recv;
  OnReceive on_receive = OnReceive::copy;
};

/// The rounds of one rank: made when asked for, never stored. A ring of 512 ranks in 4 chunks has two million transfers.
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

/// One row of the table: an algorithm with the closed forms that its file derives.
struct CollectiveAlgorithm {
  CollectiveKind kind;
  std::string_view name;  ///< "ring", "binomial"
  Rounds (*rounds)(const CollectiveRequest&);
  std::int64_t (*round_count)(const CollectiveRequest&);  ///< at this rank
  /// Elements this rank sends. Exact for every count.
  std::int64_t (*elements_sent)(const CollectiveRequest&);
  /// Time on links of one kind without contention; `bytes` is the whole buffer. Exact when count divides evenly.
  double (*time_s)(const CollectiveRequest&, double bytes, const LinkModel&);
};

std::span<const CollectiveAlgorithm> collective_algorithms();
/// The row of this kind and name; an InputError names the nearest.
const CollectiveAlgorithm& collective_algorithm(CollectiveKind kind, std::string_view name);

/// busbw as nccl-tests defines it: algbw = bytes/time, times 2(n-1)/n for all-reduce, (n-1)/n for all-gather and
/// reduce-scatter, 1 for broadcast and reduce. `bytes` is the largest buffer of a rank. 0 when time is 0.
double bus_bandwidth(CollectiveKind kind, double bytes, double time_s, int world_size);

// One per algorithm, defined in the file that draws it.
extern const CollectiveAlgorithm ring_all_reduce;
extern const CollectiveAlgorithm ring_reduce_scatter;
extern const CollectiveAlgorithm ring_all_gather;
extern const CollectiveAlgorithm binomial_broadcast;
extern const CollectiveAlgorithm binomial_reduce;

}  // namespace convoy
