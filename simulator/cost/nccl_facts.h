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
};

/// The constants of src/graph/tuning.cc (baseLat, hwLat), and what it reckons that a tree of middle size reaches of its
/// bandwidth, for 64 B, 128 B ... 128 MiB (treeCorrectionFactor).
struct Constants {
  int before_version;  ///< 21200 is 2.12
  Latencies ring;
  Latencies tree;
  double ring_ll_part;  ///< of the ring's bandwidth that LL is reckoned with
  double tree_part[3][22];
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
  /// 0: Volta and before, 1: Ampere, 2: Hopper and later. AMD's are taken as Ampere, whose constants RCCL had first.
  [[nodiscard]] std::size_t generation() const;
  /// 0: one node, 1: two, 2: more.
  [[nodiscard]] std::size_t size_class() const { return placing.nodes > 2 ? 2 : static_cast<std::size_t>(placing.nodes - 1); }
  [[nodiscard]] Hardware inside() const { return on_nvlink() ? kNvlink : kPcie; }
  /// Of the rings within a node, and of all NICs of one; infinite where there is neither.
  [[nodiscard]] double node_bytes_per_s() const;
  [[nodiscard]] double network_bytes_per_s() const;
  /// A hop within a node; LL's flags take longer where a core of the host reads others of the same chain (tuning.cc: intraLat).
  [[nodiscard]] double near_hop_us(const Latencies& latencies, Protocol protocol) const;
  /// A hop between nodes: NCCL's figure for InfiniBand, and what another fabric takes beyond that.
  [[nodiscard]] double far_hop_us(const Latencies& latencies, Protocol protocol) const;
  /// A channel between nodes for every NIC; within a node one for every link. The GPUs of PCIe have one.
  [[nodiscard]] double channels() const;
  [[nodiscard]] bool has_ll128() const;
  /// Broadcast and reduce pass whole chunks on along a chain of all ranks.
  [[nodiscard]] bool passes_on() const { return kind == CollectiveKind::broadcast || kind == CollectiveKind::reduce; }
  /// GB/s that LL reaches at most, and LL128 over all channels, of a ring's bandwidth.
  [[nodiscard]] double ll_most_bytes_per_s() const;
  [[nodiscard]] double ll128_most_bytes_per_s() const;
  /// Of trees with Simple, by their channels.
  [[nodiscard]] double tree_most_bytes_per_s() const;
};

/// Rounds of a ring of so many members.
int ring_steps(CollectiveKind kind, int members);
/// Bytes that go over a link for one of data.
double with_flags(Protocol protocol);
/// GB/s of one channel of LL with all its threads, by generation.
double ll_channel_bytes_per_s(const Facts& facts);

/// Seconds that NCCL reckons with when it chooses (src/graph/tuning.cc, ncclTopoTuneModel and ncclTopoGetAlgoTime).
double reckoned_ring_s(const Facts& facts, Protocol protocol);
double reckoned_tree_s(const Facts& facts, Protocol protocol);
double reckoned_in_switch_s(const Facts& facts);

}  // namespace convoy::nccl
