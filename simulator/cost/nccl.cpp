#include "simulator/cost/nccl.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "reference/core/error.h"
#include "reference/core/units.h"

// Note [bandwidth of a tree]
// A double binary tree (NCCL 2.4) sends half of the data S through each of two trees in which every node is a leaf once. Between
// N > 2 nodes, a node sends S/2 up as a leaf, and S/2 up and 2 S/2 down as an inner node: 2S in all, so algorithm bandwidth is
// half of the NICs'. Two nodes have one edge: S/2 up in one tree and S/2 down in the other, so it is all of the NICs'. Within a
// node the GPUs stand in a chain: each sends S up and S down, so it is half of what leaves a GPU.
// A ring sends 2 (n-1)/n S over every edge, in the node and between nodes.

// Note [chunks of a tree]
// A rank of a tree passes a chunk on when it has all of it. So the first chunk takes its whole time at every hop, up and down
// again, and only the rest follows behind at the rate of the narrowest place. Chunks are what NCCL cuts (src/enqueue.cc and
// src/include/device.h): LL 32 KiB; LL128 and Simple half a MiB, halved while a channel has fewer chunks than the tree is deep,
// down to 32 KiB. What a channel has to send may be less than that. LL's buffers between nodes are in the memory of the host even
// with GPUDirect RDMA, because a core reads the flags of every line before it sends (src/transport/net.cc, protoLoc): a chunk,
// twice as large with its flags, goes to the host over PCIe, over the network, and to the GPU over PCIe. Without GPUDirect RDMA
// (sockets, the first EFA) all protocols do that.

namespace convoy {
namespace {

enum Protocol { kLL, kLL128, kSimple };
constexpr std::array<const char*, 3> kProtocolNames = {"LL", "LL128", "Simple"};
enum Hardware { kNvlink, kPcie, kNetwork };

/// Microseconds of a hop by hardware and protocol, and of the start: NCCL 2.20 to 2.28, src/graph/tuning.cc (hwLatencies,
/// baseLatencies). Versions before 2.12 state 2 us less for the start and up to 36 us more for a hop of a tree's Simple protocol,
/// for the same machines; the later figures are taken for all.
constexpr double kTreeHop_us[3][3] = {{0.6, 1.25, 4.0}, {1.0, 1.9, 4.0}, {5.0, 8.5, 14.0}};
constexpr double kRingHop_us[3][3] = {{0.6, 1.9, 3.4}, {1.0, 2.5, 5.7}, {2.7, 4.0, 14.0}};
constexpr double kTreeStart_us[3] = {6.8, 14.0, 8.4};
constexpr double kRingStart_us[3] = {6.6, 14.0, 8.4};
/// By generation of the GPU, Volta and before, Ampere, Hopper, and on one node, two, and more (tuning.cc): GB/s that LL reaches
/// at most (llMaxBws), and one channel of a tree with Simple (perChMaxTreeBws); GB/s of one channel with LL128
/// (perChMaxRingLL128Bws).
constexpr double kLLMost_GBps[3][3] = {{39.0, 39.0, 20.4}, {87.7, 22.5, 19.0}, {141.0, 45.0, 35.0}};
constexpr double kTreeChannel_GBps[3][3] = {{26.5, 18.5, 10.0}, {24.0, 23.6, 17.8}, {38.7, 41.4, 36.0}};
constexpr double kLL128Channel_GBps[3] = {20.0, 20.0, 36.7};
/// What NCCL reckons that a tree of middle size reaches of its bandwidth, for 64 B, 128 B ... 128 MiB (treeCorrectionFactor).
constexpr double kTreePart[3][22] = {
    {1.0, 1.0, 1.0, 1.0, .9, .8, .7, .7, .7, .7, .6, .5, .4, .4, .5, .6, .7, .8, .9, 1.0, 1.0, 1.0},
    {1.0, 1.0, 1.0, 1.0, 1.0, .9, .8, .8, .8, .7, .6, .6, .6, .5, .6, .6, .7, .7, .8, .9, .9, 1.0},
    {.9, .9, .9, .9, .9, .9, .9, .8, .7, .6, .6, .5, .5, .5, .5, .5, .5, .6, .6, .7, .8, .9}};
constexpr double kLeastChunk = 32 * KiB;

// Note [what NCCL expects]
// NCCL chooses algorithm and protocol by times that it reckons from hops, bandwidths and the table above, without the notes on
// channels and chunks here. Count::reckoned is that; what is chosen then takes what Count::real says.

// Note [channels by size]
// A channel is a thread block. NCCL starts so many that each of its threads has at least 8 bytes (LL, LL128) or 64 (Simple), for
// a ring with LL that much for every rank (src/graph/tuning.cc, threadThresholds; src/enqueue.cc): with few bytes, few channels
// carry them, each at its own rate. There are two for each ring on NVLink or NIC.
constexpr double kThreads[3] = {512, 640, 512};
constexpr double kBytesOfThread[3] = {8, 8, 64};
/// GB/s of one channel of LL: what all reach in one node, by the channels there are in a DGX of the generation.
constexpr double kLLChannel_GBps[3] = {39.0 / 12, 87.7 / 24, 141.0 / 32};

struct Facts {
  CollectiveKind kind;
  double bytes;
  Placing placing;
  const GpuWiring& wiring;

  [[nodiscard]] bool on_nvlink() const {
    return wiring.interior == GpuInterior::nvlink_switch || wiring.interior == GpuInterior::nvlink_mesh ||
           (wiring.interior == GpuInterior::nvlink_pairs && placing.ranks_per_node <= 2);
  }
  [[nodiscard]] std::size_t generation() const {
    return wiring.nvlink_generation == 4 ? 2 : wiring.nvlink_generation == 3 || wiring.nvlink_generation == 30 ? 1 : 0;
  }
  [[nodiscard]] std::size_t size_class() const { return placing.nodes > 2 ? 2 : static_cast<std::size_t>(placing.nodes - 1); }
  [[nodiscard]] Hardware inside() const { return on_nvlink() ? kNvlink : kPcie; }
  [[nodiscard]] double node_bytes_per_s() const {
    return placing.ranks_per_node == 1 ? std::numeric_limits<double>::infinity()
                                       : ring_bytes_per_s(wiring, placing.ranks_per_node);
  }
  [[nodiscard]] double network_bytes_per_s() const {
    return placing.nodes == 1 ? std::numeric_limits<double>::infinity() : wiring.nics * nic_data_bytes_per_s(wiring, true);
  }
  /// A hop between nodes is NCCL's figure for InfiniBand, and what another fabric takes beyond that.
  [[nodiscard]] double network_hop_us(const double (&hops)[3][3], Protocol protocol) const {
    return hops[kNetwork][protocol] + (fabric_latency_s(wiring.fabric) - fabric_latency_s(FabricKind::infiniband)) / us;
  }
  /// A channel between nodes for every NIC; within a node one for every link. The GPUs of PCIe have one.
  [[nodiscard]] double channels() const {
    return placing.nodes > 1 ? wiring.nics : on_nvlink() ? std::max(1, wiring.nvlinks) : 1;
  }
  /// Channels that have something to do, see Note [channels by size].
  [[nodiscard]] double busy_channels(Protocol protocol, bool ring) const {
    const double least = kThreads[protocol] * kBytesOfThread[protocol] * (ring && protocol == kLL ? placing.ranks() : 1);
    return std::clamp(std::floor(bytes / least), 1.0, 2.0 * channels());
  }
  /// What those carry; on PCIe one channel is as fast as the lanes.
  [[nodiscard]] double channels_bytes_per_s(Protocol protocol, bool ring) const {
    const double busy = busy_channels(protocol, ring);
    if (protocol == kLL) return busy * kLLChannel_GBps[generation()] * GB;
    // A channel of Simple fills an NVLink, or the lanes of PCIe.
    return protocol == kLL128 || !on_nvlink() ? std::numeric_limits<double>::infinity()
                                              : busy * nvlink_bytes_per_s(wiring.nvlink_generation);
  }
  /// Whether what a protocol sends between nodes goes through memory of the host.
  [[nodiscard]] bool staged(Protocol protocol) const {
    return protocol == kLL || wiring.fabric == FabricKind::tcp ||
           (wiring.fabric == FabricKind::efa && wiring.nvlink_generation < 3);
  }
  /// NCCL takes LL128 on NVLink, and between nodes only where GPUs and NICs hang below the same PCIe switches (tuning.cc:
  /// typeInter <= PATH_PXB). Nodes of 8 are built so (DGX, HGX). Of nodes of 4 it is assumed that NICs hang at the processors:
  /// ABCI's all-reduces take as long from 4 KiB a rank to four times that, as a ring with LL does, see Note [channels by size].
  [[nodiscard]] bool has_ll128() const {
    if (placing.nodes > 1 && wiring.devices_per_node <= 4) return false;
    return on_nvlink() && wiring.nvlink_generation >= 2 && wiring.nvlink_generation <= 4 && wiring.fabric != FabricKind::tcp;
  }
};

int ring_steps(CollectiveKind kind, int members) {
  if (kind == CollectiveKind::all_reduce) return 2 * (members - 1);
  if (kind == CollectiveKind::all_gather || kind == CollectiveKind::reduce_scatter) return members - 1;
  return members;
}

double ll128_cap_bytes_per_s(const Facts& facts) { return 2 * facts.channels() * kLL128Channel_GBps[facts.generation()] * GB; }

double ll_most_bytes_per_s(const Facts& facts) { return kLLMost_GBps[facts.generation()][facts.size_class()] * GB; }

/// Bytes that go over a link for one of data.
double with_flags(Protocol protocol) { return protocol == kLL ? 2.0 : protocol == kLL128 ? 128.0 / 120 : 1.0; }

/// Seconds that `bytes` of data of one channel take over one hop between nodes, besides its latency.
double far_transfer_s(const Facts& facts, Protocol protocol, double bytes) {
  const double moved = bytes * with_flags(protocol);
  const double wire_s = moved / (facts.network_bytes_per_s() / facts.channels());
  return facts.staged(protocol) ? wire_s + 2 * moved / pcie_bytes_per_s(facts.wiring.pcie_generation) : wire_s;
}

/// What is counted: what NCCL reckons with, or what there is.
enum class Count { reckoned, real };

double ring_time_s(const Facts& facts, Protocol protocol, bool back_to_back, Count count) {
  const int ranks = facts.placing.ranks();
  double bytes_per_s = std::min(facts.node_bytes_per_s(), facts.network_bytes_per_s());
  if (protocol == kLL) bytes_per_s = std::min(bytes_per_s / 2, ll_most_bytes_per_s(facts));
  // With one GPU a node, its NIC is read and written at the same time.
  if (protocol == kLL128)
    bytes_per_s = std::min(bytes_per_s * (facts.placing.ranks_per_node < 2 ? 0.7 : 0.92), ll128_cap_bytes_per_s(facts));
  if (count == Count::real) bytes_per_s = std::min(bytes_per_s, facts.channels_bytes_per_s(protocol, true));
  const int steps = ring_steps(facts.kind, ranks);
  const int far = facts.placing.nodes == 1 ? 0 : ring_steps(facts.kind, facts.placing.nodes);
  const double near_us = kRingHop_us[facts.inside()][protocol];
  double latency_us = kRingStart_us[protocol] + (steps - far) * near_us;
  if (far > 0) latency_us += far * facts.network_hop_us(kRingHop_us, protocol);
  // Chunks of different ranks wait for each other once every rank has more than one.
  if (protocol == kSimple && facts.placing.nodes > 1 && facts.kind == CollectiveKind::all_reduce &&
      facts.bytes >= ranks / 16.0 * 65536)
    latency_us *= 1.9;
  const bool passes_on = facts.kind == CollectiveKind::broadcast || facts.kind == CollectiveKind::reduce;
  if (count == Count::real && far > 0 && protocol == kLL && !passes_on) {
    const double piece = std::min(facts.bytes / ranks / facts.busy_channels(protocol, true), kLeastChunk);
    latency_us += far * 2 * piece * with_flags(protocol) / pcie_bytes_per_s(facts.wiring.pcie_generation) / us;
  }
  // One operation follows the other along the chain; what remains is the slowest hop.
  if (passes_on && back_to_back) latency_us = kRingStart_us[protocol] + latency_us / steps;
  // Broadcast and reduce pass whole chunks on: all bytes go over every edge, once.
  const double sent = passes_on ? facts.bytes : facts.bytes * steps / ranks;
  return latency_us * us + sent / bytes_per_s;
}

/// The first chunk of a channel of a tree of this depth, see Note [chunks of a tree].
double tree_chunk_bytes(const Facts& facts, Protocol protocol, double depth) {
  const double of_channel = facts.bytes / facts.channels();
  if (protocol == kLL) return std::min(of_channel, kLeastChunk);
  double chunk = 512 * KiB;
  while (of_channel / chunk < depth * 8 && chunk > 128 * KiB) chunk /= 2;
  while (of_channel / chunk < depth * 4 && chunk > 64 * KiB) chunk /= 2;
  while (of_channel / chunk < depth && chunk > kLeastChunk) chunk /= 2;
  return std::min(of_channel, chunk);
}

double tree_time_s(const Facts& facts, Protocol protocol, Count count) {
  const double network = facts.network_bytes_per_s() / (facts.placing.nodes > 2 ? 2 : 1);
  double bytes_per_s = std::min(facts.node_bytes_per_s() / 2, network) / with_flags(protocol);
  if (protocol == kLL) bytes_per_s = std::min(bytes_per_s, ll_most_bytes_per_s(facts) / 2);
  if (protocol == kLL128) bytes_per_s = std::min(bytes_per_s, ll128_cap_bytes_per_s(facts) / 2 * 7 / 9);
  if (protocol == kSimple)
    bytes_per_s =
        std::min(bytes_per_s, 2 * facts.channels() * kTreeChannel_GBps[facts.generation()][facts.size_class()] * GB / 2);
  const int near = 2 * (facts.placing.ranks_per_node - 1);
  const int far = facts.placing.nodes > 1 ? 2 * static_cast<int>(std::log2(facts.placing.nodes)) : 0;
  double latency_us = kTreeStart_us[protocol] + near * kTreeHop_us[facts.inside()][protocol];
  if (far > 0) latency_us += far * facts.network_hop_us(kTreeHop_us, protocol);
  if (count == Count::reckoned) {
    // Of LL's bandwidth NCCL reckons with 1/3.8, and for a tree with half of that.
    if (protocol == kLL) bytes_per_s = std::min(facts.node_bytes_per_s(), facts.network_bytes_per_s()) / 3.8 / 2;
    const auto size = static_cast<std::size_t>(std::log2(std::max(facts.bytes / 64, 1.0)));
    return latency_us * us + facts.bytes / (bytes_per_s * (size < 22 ? kTreePart[protocol][size] : 1.0));
  }
  bytes_per_s = std::min(bytes_per_s, facts.channels_bytes_per_s(protocol, false) / 2);
  const double chunk = tree_chunk_bytes(facts, protocol, (near + far) / 2.0);
  double first_s = near * chunk * with_flags(protocol) / (facts.node_bytes_per_s() / facts.channels());
  if (far > 0) first_s += far * far_transfer_s(facts, protocol, chunk);
  return latency_us * us + first_s + std::max(0.0, facts.bytes - chunk * facts.channels()) / bytes_per_s;
}

/// NVLink SHARP: the switch reads every GPU's copy of a part and adds (S leaves each GPU, S/n arrives), then hands the sum to all
/// (S/n leaves, S arrives): S (1 + 1/n) each way. 0.85 of the links' rate is NCCL's own figure for Hopper (tuning.cc,
/// nvlsEfficiency).
double in_switch_time_s(const Facts& facts) {
  const double inside = facts.node_bytes_per_s() * 0.85 / (1 + 1.0 / facts.placing.ranks_per_node);
  const double network = facts.network_bytes_per_s() / (facts.placing.nodes > 2 ? 2 : 1);
  double latency_us = 25.0;  // NCCL 2.20 to 2.28, tuning.cc, of NVLS
  if (facts.placing.nodes > 1)
    latency_us += 2 * std::floor(std::log2(facts.placing.nodes)) * facts.network_hop_us(kTreeHop_us, kSimple);
  return latency_us * us + facts.bytes / std::min(inside, network);
}

}  // namespace

double nccl_hop_s(const GpuWiring& wiring, const Placing& placing, bool between_nodes) {
  const Facts facts{CollectiveKind::all_reduce, 0, placing, wiring};
  return (between_nodes ? facts.network_hop_us(kRingHop_us, kSimple) : kRingHop_us[facts.inside()][kSimple]) * us;
}

LibraryTime nccl_time(CollectiveKind kind, double bytes, const Placing& placing, const GpuWiring& wiring, const Usage& usage) {
  const Facts facts{kind, bytes, placing, wiring};
  if (placing.ranks() == 1) return {kRingStart_us[kLL] * us, "nothing to do"};
  const bool all_reduce = kind == CollectiveKind::all_reduce;
  struct Way {
    double reckoned_s = std::numeric_limits<double>::infinity();
    double real_s = 0;
    std::string name;
  } best;
  const auto consider = [&](double reckoned_s, double real_s, const std::string& name) {
    if (reckoned_s < best.reckoned_s) best = {reckoned_s, real_s, name};
  };
  for (const Protocol protocol : {kLL, kLL128, kSimple}) {
    if (protocol == kLL128 && !facts.has_ll128()) continue;
    if (usage.force != "tree" || !all_reduce)
      consider(ring_time_s(facts, protocol, false, Count::reckoned),
               ring_time_s(facts, protocol, usage.back_to_back, Count::real), cat("ring, ", kProtocolNames.at(protocol)));
    if (usage.force != "ring" && usage.trees && all_reduce)
      consider(tree_time_s(facts, protocol, Count::reckoned), tree_time_s(facts, protocol, Count::real),
               cat("tree, ", kProtocolNames.at(protocol)));
  }
  if (usage.force.empty() && wiring.in_switch_reduction && all_reduce && placing.ranks_per_node > 2)
    consider(in_switch_time_s(facts), in_switch_time_s(facts), "NVLink SHARP");
  return {best.real_s, best.name};
}

}  // namespace convoy
