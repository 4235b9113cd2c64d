/// Choosing how a collective is carried out: what `auto` stands for.
///
/// A pure function: kind, size and machine in, algorithm, channels, chunks and the reason out. Real and simulated runs that are
/// told of the same machine make the same choice.
#pragma once

#include <string>
#include <vector>

#include "reference/collectives/collective.h"

namespace convoy {

/// The name that stands for an algorithm to be chosen.
inline constexpr std::string_view kAutomatic = "auto";

/// What a choice knows of a machine: links of two kinds, as seen from one group. Nodes hang on a switch, not on wires of a ring.
struct GroupTopology {
  int ranks_per_node = 0;        ///< of the group, consecutive ones; 0: all ranks are in one node
  LinkModel in_node;             ///< of each rank, each way
  LinkModel between_nodes = {};  ///< of one NIC, each way
  int nics_per_node = 1;         ///< rank r of k on a node uses NIC r * nics / k, rounded down
  friend bool operator==(const GroupTopology& a, const GroupTopology& b) {
    const auto same = [](const LinkModel& x, const LinkModel& y) {
      return x.latency_s == y.latency_s && x.bandwidth_bytes_per_s == y.bandwidth_bytes_per_s;
    };
    return a.ranks_per_node == b.ranks_per_node && a.nics_per_node == b.nics_per_node && same(a.in_node, b.in_node) &&
           same(a.between_nodes, b.between_nodes);
  }
};

/// Seconds of a collective of `request.count` elements of `element_bytes` each, with the shape of the topology: all ranks go
/// through the rounds in step, the channels side by side, and a round takes as long as its slowest message. A message takes the
/// latency of its link and the time in which the busiest of the links it uses (the rank's own, or the NICs) moves all that goes
/// through it. In a pipeline the links have four rounds to move what these bring, since a rank that has nothing to do in one is
/// busy in the next. Without several links of unlike speed this is the closed form of the algorithms that have one. Of more
/// than 2^18 rounds of all ranks and channels some of the first and the last are looked at and some of those between them.
double estimated_time_s(const CollectiveAlgorithm& algorithm, const CollectiveRequest& request, double element_bytes,
                        const GroupTopology& topology);

/// One way to do it, and what it would take.
struct CollectiveCandidate {
  std::string_view algorithm;
  int channels = 1;
  int chunks = 1;
  double time_s = 0;
  bool at_least = false;  ///< it takes that long by its latencies alone, more than another way; what it takes was not worked out
};

struct CollectiveChoice {
  CollectiveCandidate best;
  std::vector<CollectiveCandidate> others;  ///< the best of every other algorithm, fastest first
  std::string why;                          ///< a sentence with the times of all of them
};

/// The fastest way by estimated_time_s() among all algorithms of the kind that can do it, each with one channel, with as many as
/// it usually has and with one for each NIC, and pipelines with 1, 4, 16 or 64 chunks. Of equally fast ones the first of the
/// table. Of the request, chunks, channels and ranks_per_node do not matter. With thousands of ranks, ways whose latencies alone take
/// longer than another way are not worked out. Throws std::invalid_argument when no algorithm can.
CollectiveChoice choose_algorithm(CollectiveKind kind, const CollectiveRequest& request, double element_bytes,
                                  const GroupTopology& topology);

}  // namespace convoy
