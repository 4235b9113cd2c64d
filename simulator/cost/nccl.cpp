#include "simulator/cost/nccl.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "simulator/cost/nccl_facts.h"

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

// Note [channels by size]
// A channel is a thread block. NCCL starts so many that each of its threads has at least 8 bytes (LL, LL128) or 64 (Simple), for
// a ring with LL that much for every rank (src/graph/tuning.cc, threadThresholds; src/enqueue.cc): with few bytes, few channels
// carry them, each at its own rate. There are two for each ring on NVLink or NIC. With less than one channel has, its threads are
// halved, down to 64 (enqueue.cc: "if ((nt % 128) == 0) nt/=2"). A thread of LL has one line of 8 bytes under way, which takes a
// hop, so that few threads carry little: 64 of them 0.6 GB/s.

// Note [chain of a broadcast]
// Bytes pass through all ranks. Where a broadcast follows the one before, as in nccl-tests, a rank is busy only as long as its
// own part takes, and the chain of hops does not count; but only as long as there is one channel. Channels have rings of
// different orders, the last rank of one is among the first of another, and so an operation ends when the chain of every channel
// has ended (tuning.cc: "if (ringGraph->sameChannels)"). A chunk takes its whole time at every hop: of Simple half a MiB
// (BROADCAST_CHUNKSTEPS of 4 MiB / 8); of LL lines are passed on as they come within a node, and 32 KiB between nodes, where the
// host sends.

namespace convoy {
namespace nccl {
namespace {

constexpr double kLeastChunk = 32 * KiB;
constexpr double kSimpleChunk = 512 * KiB;
constexpr double kThreads[3] = {512, 640, 512};
constexpr double kFewestThreads = 64;
constexpr double kBytesOfThread[3] = {8, 8, 64};

/// Bytes that a thread is to have at least, in all steps of a ring with LL.
double thread_bytes(const Facts& facts, Protocol protocol, bool ring) {
  return kBytesOfThread[protocol] * (ring && protocol == kLL ? facts.placing.ranks() : 1);
}

/// Channels that have something to do, and threads of each, see Note [channels by size].
double busy_channels(const Facts& facts, Protocol protocol, bool ring) {
  const double least = kThreads[protocol] * thread_bytes(facts, protocol, ring);
  return std::clamp(std::floor(facts.bytes / least), 1.0, 2.0 * facts.channels());
}
double busy_threads(const Facts& facts, Protocol protocol, bool ring) {
  double threads = kThreads[protocol];
  while (threads > kFewestThreads && facts.bytes < threads * thread_bytes(facts, protocol, ring)) threads /= 2;
  return threads;
}

/// What those carry; on PCIe one channel is as fast as the lanes.
double channels_bytes_per_s(const Facts& facts, Protocol protocol, bool ring) {
  const double busy = busy_channels(facts, protocol, ring);
  if (protocol == kLL) {
    const double line_s = facts.near_hop_us(facts.constants.ring, kLL) * us;
    return busy * std::min(ll_channel_bytes_per_s(facts), busy_threads(facts, kLL, ring) * kBytesOfThread[kLL] / line_s);
  }
  // A channel of Simple fills an NVLink, or the lanes of PCIe.
  return protocol == kLL128 || !facts.on_nvlink() ? std::numeric_limits<double>::infinity()
                                                  : busy * nvlink_bytes_per_s(facts.wiring.nvlink_generation);
}

/// Whether what a protocol sends between nodes goes through memory of the host.
bool staged(const Facts& facts, Protocol protocol) {
  return protocol == kLL || facts.wiring.fabric == FabricKind::tcp ||
         (facts.wiring.fabric == FabricKind::efa && facts.wiring.nvlink_generation < 3);
}

/// Seconds that `bytes` of data of one channel take over one hop between nodes, besides its latency.
double far_transfer_s(const Facts& facts, Protocol protocol, double bytes) {
  const double moved = bytes * with_flags(protocol);
  const double wire_s = moved / (facts.network_bytes_per_s() / facts.channels());
  return staged(facts, protocol) ? wire_s + 2 * moved / pcie_bytes_per_s(facts.wiring.pcie_generation) : wire_s;
}

/// What a ring carries with a protocol.
double ring_bytes_per_s(const Facts& facts, Protocol protocol) {
  double bytes_per_s = std::min(facts.node_bytes_per_s(), facts.network_bytes_per_s()) / with_flags(protocol);
  if (protocol == kLL) bytes_per_s = std::min(bytes_per_s, facts.ll_most_bytes_per_s());
  if (protocol == kLL128) {
    if (facts.placing.ranks_per_node < 2) bytes_per_s *= 0.7;
    bytes_per_s = std::min(bytes_per_s, facts.ll128_most_bytes_per_s());
  }
  return std::min(bytes_per_s, channels_bytes_per_s(facts, protocol, true));
}

/// The first chunk through all ranks, see Note [chain of a broadcast].
double chain_s(const Facts& facts, Protocol protocol) {
  const Latencies& ring = facts.constants.ring;
  const int far = facts.placing.nodes - 1;
  const int near = facts.placing.ranks() - 1 - far;
  const double busy = busy_channels(facts, protocol, true);
  const double chunk = std::min(facts.bytes / busy, protocol == kSimple ? kSimpleChunk : kLeastChunk) * with_flags(protocol);
  // Within a node a chunk goes over the links of one channel, with LL a line of every thread of them.
  double near_s = near > 0 ? near * facts.near_hop_us(ring, protocol) * us : 0.0;
  if (near > 0 && protocol != kLL)
    near_s += near * chunk / (facts.node_bytes_per_s() / (facts.on_nvlink() ? facts.channels() : 1));
  if (far == 0) return near_s;
  // Channels beyond one for each NIC share it; of LL, which is sent line by line, they follow each other.
  const double sharing = protocol == kLL ? 1.0 : std::max(1.0, busy / facts.wiring.nics);
  return near_s +
         far * (facts.far_hop_us(ring, protocol) * us + chunk * sharing * facts.wiring.nics / facts.network_bytes_per_s());
}

double broadcast_s(const Facts& facts, Protocol protocol, bool back_to_back) {
  const double own_s = facts.constants.ring.start_us[protocol] * us + facts.bytes / ring_bytes_per_s(facts, protocol);
  if (back_to_back && busy_channels(facts, protocol, true) < 2) return std::max(kLaunch_s, own_s);
  return own_s + chain_s(facts, protocol);
}

double ring_time_s(const Facts& facts, Protocol protocol, bool back_to_back) {
  if (facts.passes_on()) return broadcast_s(facts, protocol, back_to_back);
  const Latencies& latencies = facts.constants.ring;
  const int ranks = facts.placing.ranks();
  const int steps = ring_steps(facts.kind, ranks);
  const int far = facts.placing.nodes == 1 ? 0 : ring_steps(facts.kind, facts.placing.nodes);
  double latency_us = latencies.start_us[protocol] + (steps - far) * facts.near_hop_us(latencies, protocol);
  if (far > 0) latency_us += far * facts.far_hop_us(latencies, protocol);
  latency_us *= facts.plateau(protocol);
  if (far > 0 && protocol == kLL) {
    const double piece = std::min(facts.bytes / ranks / busy_channels(facts, protocol, true), kLeastChunk);
    latency_us += far * 2 * piece * with_flags(protocol) / pcie_bytes_per_s(facts.wiring.pcie_generation) / us;
  }
  return latency_us * us + facts.bytes * steps / ranks / ring_bytes_per_s(facts, protocol);
}

/// The first chunk of a channel of a tree of this depth, see Note [chunks of a tree].
double tree_chunk_bytes(const Facts& facts, Protocol protocol, double depth) {
  if (protocol == kLL) return std::min(facts.bytes / busy_channels(facts, kLL, false), kLeastChunk);
  const double of_channel = facts.bytes / facts.channels();
  double chunk = kSimpleChunk;
  while (of_channel / chunk < depth * 8 && chunk > 128 * KiB) chunk /= 2;
  while (of_channel / chunk < depth * 4 && chunk > 64 * KiB) chunk /= 2;
  while (of_channel / chunk < depth && chunk > kLeastChunk) chunk /= 2;
  return std::min(of_channel, chunk);
}

double tree_time_s(const Facts& facts, Protocol protocol) {
  // What a chunk takes at a hop stands below, so that hops of Simple are those of the versions that count it apart.
  const Latencies& latencies = protocol == kSimple ? constants_of(0).tree : facts.constants.tree;
  const double network = facts.network_bytes_per_s() / (facts.placing.nodes > 2 ? 2 : 1);
  double bytes_per_s = std::min(facts.node_bytes_per_s() / 2, network) / with_flags(protocol);
  if (protocol == kLL) bytes_per_s = std::min(bytes_per_s, facts.ll_most_bytes_per_s() / 2);
  if (protocol == kLL128) bytes_per_s = std::min(bytes_per_s, facts.ll128_most_bytes_per_s() / 2 * 7 / 9);
  if (protocol == kSimple) bytes_per_s = std::min(bytes_per_s, facts.tree_most_bytes_per_s() / 2);
  bytes_per_s = std::min(bytes_per_s, channels_bytes_per_s(facts, protocol, false) / 2);
  const int near = 2 * (facts.placing.ranks_per_node - 1);
  const int far = facts.placing.nodes > 1 ? 2 * static_cast<int>(std::log2(facts.placing.nodes)) : 0;
  const double latency_us = latencies.start_us[protocol] + near * facts.near_hop_us(latencies, protocol) +
                            (far > 0 ? far * facts.far_hop_us(latencies, protocol) : 0.0);
  const double chunk = tree_chunk_bytes(facts, protocol, (near + far) / 2.0);
  const double channels = protocol == kLL ? busy_channels(facts, kLL, false) : facts.channels();
  double first_s = near * chunk * with_flags(protocol) / (facts.node_bytes_per_s() / facts.channels());
  // Channels beyond one for each NIC share it.
  if (far > 0) first_s += far * far_transfer_s(facts, protocol, chunk * std::max(1.0, channels / facts.channels()));
  // With LL every GPU of the way takes a chunk line by line, at the rate of a channel.
  if (protocol == kLL) first_s = std::max(first_s, (near + far) * chunk / ll_channel_bytes_per_s(facts));
  return latency_us * us + first_s + std::max(0.0, facts.bytes - chunk * channels) / bytes_per_s;
}

/// Thread blocks of NVLink SHARP (NCCL's log: "16 nvls channels").
constexpr double kInSwitchChannels = 16;

/// Bytes copy into buffers that the switch reads, are added and handed out, and copy out of them: three stages, of which the
/// second and third begin when the one before has done a piece of every channel and GPU. Pieces are cut by enqueue.cc: 128 KiB,
/// halved as long as there are few.
double in_switch_s(const Facts& facts) {
  const double pieces = kInSwitchChannels * facts.placing.ranks_per_node;
  double piece = 128 * KiB;
  if (facts.bytes < 64 * pieces * piece) piece = 64 * KiB;
  if (facts.bytes < 8 * pieces * piece) piece = std::min(piece, 32 * KiB);
  if (facts.bytes < 2 * pieces * piece) piece = std::min(piece, 16 * KiB);
  const double first = std::min(facts.bytes, pieces * piece);
  Facts beginning = facts;
  beginning.bytes = 0;
  const double start_s = reckoned_in_switch_s(beginning);
  const double moving_s = reckoned_in_switch_s(facts) - start_s;
  return start_s + moving_s * (1 + 2 * first / std::max(facts.bytes, 1.0));
}

}  // namespace
}  // namespace nccl

double nccl_hop_s(const GpuWiring& wiring, const Placing& placing, bool between_nodes) {
  const nccl::Constants& constants = nccl::constants_of(0);
  const nccl::Facts facts{CollectiveKind::all_reduce, 0, placing, wiring, constants};
  return (between_nodes ? facts.far_hop_us(constants.ring, nccl::kSimple) : facts.near_hop_us(constants.ring, nccl::kSimple)) *
         us;
}

NcclWay nccl_way(CollectiveKind kind, double bytes, const Placing& placing, const GpuWiring& wiring, const Usage& usage) {
  const nccl::Facts facts{kind, bytes, placing, wiring, nccl::constants_of(usage.version)};
  if (placing.ranks() == 1) return {.time_s = facts.constants.ring.start_us[nccl::kLL] * us, .choice = "nothing to do"};
  const bool all_reduce = kind == CollectiveKind::all_reduce;
  double least_s = std::numeric_limits<double>::infinity();
  NcclWay best;
  const auto consider = [&](double reckoned_s, double real_s, const char* algorithm, nccl::Protocol protocol) {
    if (!(reckoned_s < least_s)) return;
    least_s = reckoned_s;
    const nccl::Latencies& ring = facts.constants.ring;
    best = {.time_s = real_s, .choice = cat(algorithm, ", ", nccl::kProtocolNames.at(protocol)), .algorithm = algorithm};
    best.start_s = ring.start_us[protocol] * us;
    best.in_node = {facts.near_hop_us(ring, protocol) * us, facts.node_bytes_per_s() / nccl::with_flags(protocol)};
    if (placing.nodes > 1)
      best.nic = {facts.far_hop_us(ring, protocol) * us, nic_data_bytes_per_s(wiring, true) / nccl::with_flags(protocol)};
  };
  for (const nccl::Protocol protocol : nccl::kProtocols) {
    if (protocol == nccl::kLL128 && !facts.has_ll128()) continue;
    if (usage.force != "tree" || !all_reduce)
      consider(nccl::reckoned_ring_s(facts, protocol), nccl::ring_time_s(facts, protocol, usage.back_to_back), "ring", protocol);
    if (usage.force != "ring" && usage.trees && all_reduce)
      consider(nccl::reckoned_tree_s(facts, protocol), nccl::tree_time_s(facts, protocol), "tree", protocol);
  }
  if (usage.force.empty() && wiring.in_switch_reduction && all_reduce && placing.ranks_per_node > 2) {
    consider(nccl::reckoned_in_switch_s(facts), nccl::in_switch_s(facts), "NVLink SHARP", nccl::kSimple);
    if (best.algorithm == "NVLink SHARP") best.choice = best.algorithm;
  }
  return best;
}

LibraryTime nccl_time(CollectiveKind kind, double bytes, const Placing& placing, const GpuWiring& wiring, const Usage& usage) {
  const NcclWay way = nccl_way(kind, bytes, placing, wiring, usage);
  return {way.time_s, way.choice};
}

}  // namespace convoy
