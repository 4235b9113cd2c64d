/// What NCCL knows of a group and a message, and the constants of its versions; for nccl_tuning.cpp and nccl.cpp only.
#pragma once

#include <array>

#include "simulator/cost/library.h"

namespace convoy::nccl {

/// LL: 4 of every 8 bytes are flags. LL128: 120 of 128 bytes are data. Simple: all data, but a hop waits for a chunk and a fence.
enum Protocol : unsigned char { kLL, kLL128, kSimple };
inline constexpr std::array kProtocols = {kLL, kLL128, kSimple};
inline constexpr std::array kProtocolNames = {"LL", "LL128", "Simple"};
enum Hardware : unsigned char { kNvlink, kPcie, kNetwork };

/// Microseconds of the start by protocol, and of a hop by hardware and protocol.
struct Latencies {
  double start_us[3];
  double hop_us[3][3];
  /// In a group of several nodes, a hop within a node: LL's is so many times as long (to 2.17), and a ring's as long as its
  /// proxy takes to post a message (netOverhead, since 2.20: 1 us on Intel's processors, three times that with Simple).
  double ll_beside_network;
  double least_beside_network_us;
};

inline constexpr std::size_t kTreeParts = 23;
inline constexpr std::size_t kGenerations = 4;

/// What src/graph/tuning.cc of a version says, see Note [versions of NCCL]. By generation of the GPU where it is an array of
/// four, then by one node, two, and more; GB/s of a channel.
struct Constants {
  int since_version;  ///< 21700 is 2.17
  Latencies ring;     ///< baseLat, hwLat
  Latencies tree;
  double ring_ll_part;        ///< of the ring's bandwidth that LL is reckoned with
  double ring_ll_part_alone;  ///< on one node, but for reductions to all or one
  /// What a tree of middle size reaches of its bandwidth, by protocol and size: 64 B, 128 B ... 256 MiB (treeCorrectionFactor).
  std::array<std::array<double, kTreeParts>, 3> tree_part;
  std::array<double, kGenerations> plateau;    ///< "plateau effect of ring": hops with Simple take so many times as long
  bool plateau_by_channel;                     ///< once a channel has 64 bytes for a rank; else from 64 KiB for 16 ranks on
  int more_far_steps;                          ///< rounds between nodes of an all-reduce that are counted beside 2 (nodes - 1)
  std::array<double, kGenerations> most_GBps;  ///< of all channels
  std::array<double, kGenerations> ll_alone_GBps;  ///< LL on one node (llMaxBws; of several nodes see ll_most_bytes_per_s())
  double ll128_alone_part;                         ///< of the bandwidth, with one GPU a node
  double ll128_tree_part;                          ///< of the bandwidth, on several nodes
  std::array<std::array<double, 3>, kGenerations> ll128_GBps;       ///< ll128MaxBwPerCh, perChMaxRingLL128Bws
  std::array<std::array<double, 3>, kGenerations> ll128_tree_GBps;  ///< perChMaxTreeLL128Bws
  std::array<std::array<double, 3>, kGenerations> tree_GBps;        ///< perChMaxTreeBws
};
/// Those of a version as nccl_version() gives it; 0, not known, has the latest.
const Constants& constants_of(int version);

/// One collective of a group.
struct Facts {
  CollectiveKind kind;
  double bytes;
  Placing placing;
  const GpuWiring& wiring;
  const Constants& constants;

  [[nodiscard]] bool on_nvlink() const;
  /// 0: Volta and before, 1: Ampere, 2: Hopper, 3: Blackwell. AMD's are taken as Ampere, whose constants RCCL had first.
  [[nodiscard]] std::size_t generation() const;
  /// 0: one node, 1: two, 2: more.
  [[nodiscard]] std::size_t size_class() const { return placing.nodes > 2 ? 2 : static_cast<std::size_t>(placing.nodes - 1); }
  [[nodiscard]] Hardware inside() const { return on_nvlink() ? kNvlink : kPcie; }
  /// Of the rings within a node, and of all NICs of one; infinite where there is neither.
  [[nodiscard]] double node_bytes_per_s() const;
  [[nodiscard]] double network_bytes_per_s() const;
  /// A hop within a node (tuning.cc: intraLat).
  [[nodiscard]] double near_hop_us(const Latencies& latencies, Protocol protocol) const;
  /// A hop between nodes: NCCL's figure for InfiniBand, and what another fabric takes beyond that.
  [[nodiscard]] double far_hop_us(const Latencies& latencies, Protocol protocol) const;
  /// A channel between nodes for every NIC; within a node one for every link. The GPUs of PCIe have one.
  [[nodiscard]] double channels() const;
  [[nodiscard]] bool has_ll128() const;
  /// Broadcast and reduce pass whole chunks on along a chain of all ranks.
  [[nodiscard]] bool passes_on() const { return kind == CollectiveKind::broadcast || kind == CollectiveKind::reduce; }
  /// Bytes/s that LL reaches at most. On several nodes NCCL goes by the maker of the processor: AMD's are taken for Ampere, as a
  /// DGX A100 has them, Intel's for others.
  [[nodiscard]] double ll_most_bytes_per_s() const;
  /// Of rings and trees with LL128, and trees with Simple, over all channels.
  [[nodiscard]] double ll128_most_bytes_per_s() const;
  [[nodiscard]] double ll128_tree_most_bytes_per_s() const;
  [[nodiscard]] double tree_most_bytes_per_s() const;
  /// What the hops of a ring with a protocol are multiplied with: chunks of different ranks wait for each other once every rank
  /// has more than one.
  [[nodiscard]] double plateau(Protocol protocol) const;
};

/// Rounds of a ring of so many members.
int ring_steps(CollectiveKind kind, int members);
/// Bytes that go over a link for one of data.
double with_flags(Protocol protocol);
/// Bytes/s of one channel of LL with all its threads.
double ll_channel_bytes_per_s(const Facts& facts);

/// Seconds that NCCL reckons with when it chooses (src/graph/tuning.cc, ncclTopoTuneModel and ncclTopoGetAlgoTime).
double reckoned_ring_s(const Facts& facts, Protocol protocol);
double reckoned_tree_s(const Facts& facts, Protocol protocol);
double reckoned_in_switch_s(const Facts& facts);

}  // namespace convoy::nccl
