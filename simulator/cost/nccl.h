/// NCCL's choice and time for a collective; see library.h.
#pragma once

#include "simulator/cost/library.h"

namespace convoy {

/// Channels, which are thread blocks, of NCCL on a DGX A100 and an HGX H100, as its log states them ("24 coll channels").
/// Blackwell and AMD's GPUs, of which no log was read, are taken alike.
inline constexpr double kMostChannels = 24;

/// Seconds of a hop of a ring with the protocol Simple, besides its bytes: within a node, or between nodes.
double nccl_hop_s(const GpuWiring& wiring, const Placing& placing, bool between_nodes);

/// What NCCL chooses, and what its protocol makes of the links: for whoever simulates the messages. Latencies are those of a
/// ring's hops, rates what is left for data; a group of one has none.
struct NcclWay {
  double time_s = 0;      ///< by formula
  std::string choice;     ///< "ring, LL"
  std::string algorithm;  ///< "ring", "tree", "NVLink SHARP"; "" for one rank
  double start_s = 0;     ///< until the first message goes
  LinkModel in_node = {};
  LinkModel nic = {};
};
NcclWay nccl_way(CollectiveKind kind, double bytes, const Placing& placing, const GpuWiring& wiring, const Usage& usage);

LibraryTime nccl_time(CollectiveKind kind, double bytes, const Placing& placing, const GpuWiring& wiring, const Usage& usage);

}  // namespace convoy
