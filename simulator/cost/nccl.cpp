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
/// GB/s that LL reaches at most on one node, two, and more (llMaxBws, Volta).
constexpr double kLLMost_GBps[3] = {39.0, 39.0, 20.4};
/// GB/s of one channel with LL128 (ll128MaxBwPerCh): all-reduce, reduce-scatter, all-gather, broadcast, reduce, as
/// CollectiveKind.
constexpr double kLL128Channel_GBps[5] = {16.7, 15.2, 18.3, 18.8, 12.0};
/// What a tree of middle size reaches of its bandwidth, for 64 B, 128 B ... 128 MiB (treeCorrectionFactor): its chunks are
/// too few to fill the pipeline and too many to be one hop each.
constexpr double kTreePart[3][22] = {
    {1.0, 1.0, 1.0, 1.0, .9, .8, .7, .7, .7, .7, .6, .5, .4, .4, .5, .6, .7, .8, .9, 1.0, 1.0, 1.0},
    {1.0, 1.0, 1.0, 1.0, 1.0, .9, .8, .8, .8, .7, .6, .6, .6, .5, .6, .6, .7, .7, .8, .9, .9, 1.0},
    {.9, .9, .9, .9, .9, .9, .9, .8, .7, .6, .6, .5, .5, .5, .5, .5, .5, .6, .6, .7, .8, .9}};

struct Facts {
  CollectiveKind kind;
  double bytes;
  Placing placing;
  const GpuWiring& wiring;

  [[nodiscard]] bool on_nvlink() const {
    return wiring.interior == GpuInterior::nvlink_switch || wiring.interior == GpuInterior::nvlink_mesh ||
           (wiring.interior == GpuInterior::nvlink_pairs && placing.ranks_per_node <= 2);
  }
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
  [[nodiscard]] bool has_ll128() const {
    return on_nvlink() && wiring.nvlink_generation >= 2 && wiring.nvlink_generation <= 4 && wiring.fabric != FabricKind::tcp;
  }
};

int ring_steps(CollectiveKind kind, int members) {
  if (kind == CollectiveKind::all_reduce) return 2 * (members - 1);
  if (kind == CollectiveKind::all_gather || kind == CollectiveKind::reduce_scatter) return members - 1;
  return members;
}

/// 8 to 12 channels go round on NVLink, one or two on PCIe; a channel carries what one link does.
double ll128_cap_bytes_per_s(const Facts& facts) {
  const double channels = std::max(1.0, std::ceil(facts.node_bytes_per_s() / (20 * GB))) * 2;
  const double channel_GBps = kLL128Channel_GBps[std::min(static_cast<std::size_t>(facts.kind), std::size_t{4})];
  return channels * channel_GBps * GB;
}

double ll_most_bytes_per_s(const Facts& facts) {
  return kLLMost_GBps[facts.placing.nodes > 2 ? 2 : facts.placing.nodes - 1] * GB;
}

double ring_time_s(const Facts& facts, Protocol protocol, bool back_to_back) {
  const int ranks = facts.placing.ranks();
  double bytes_per_s = std::min(facts.node_bytes_per_s(), facts.network_bytes_per_s());
  if (protocol == kLL) bytes_per_s = std::min(bytes_per_s / 2, ll_most_bytes_per_s(facts));
  // With one GPU a node, its NIC is read and written at the same time.
  if (protocol == kLL128)
    bytes_per_s = std::min(bytes_per_s * (facts.placing.ranks_per_node < 2 ? 0.7 : 0.92), ll128_cap_bytes_per_s(facts));
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
  // One operation follows the other along the chain; what remains is the slowest hop.
  if (passes_on && back_to_back) latency_us = kRingStart_us[protocol] + latency_us / steps;
  // Broadcast and reduce pass whole chunks on: all bytes go over every edge, once.
  const double sent = passes_on ? facts.bytes : facts.bytes * steps / ranks;
  return latency_us * us + sent / bytes_per_s;
}

double tree_time_s(const Facts& facts, Protocol protocol) {
  const double network = facts.network_bytes_per_s() / (facts.placing.nodes > 2 ? 2 : 1);
  double bytes_per_s = std::min(facts.node_bytes_per_s() / 2, network);
  if (protocol == kLL) bytes_per_s = std::min(bytes_per_s / 1.9, ll_most_bytes_per_s(facts) / 2);
  if (protocol == kLL128)
    bytes_per_s = std::min(bytes_per_s * (facts.placing.nodes == 1 ? 7.0 / 9 : 0.92), ll128_cap_bytes_per_s(facts) / 2 * 7 / 9);
  const int size = static_cast<int>(std::log2(std::max(facts.bytes / 64, 1.0)));
  if (size < 22) bytes_per_s *= kTreePart[protocol][size];
  const double near_us = kTreeHop_us[facts.inside()][protocol];
  double latency_us = kTreeStart_us[protocol] + 2 * (facts.placing.ranks_per_node - 1) * near_us;
  if (facts.placing.nodes > 1)
    latency_us += 2 * std::floor(std::log2(facts.placing.nodes)) * facts.network_hop_us(kTreeHop_us, protocol);
  return latency_us * us + facts.bytes / bytes_per_s;
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

LibraryTime nccl_time(CollectiveKind kind, double bytes, const Placing& placing, const GpuWiring& wiring, const Usage& usage) {
  const Facts facts{kind, bytes, placing, wiring};
  if (placing.ranks() == 1) return {kRingStart_us[kLL] * us, "nothing to do"};
  LibraryTime best{std::numeric_limits<double>::infinity(), ""};
  const auto consider = [&](double time_s, const std::string& choice) {
    if (time_s < best.time_s) best = {time_s, choice};
  };
  Protocol ring_protocol = kSimple;
  for (const Protocol protocol : {kLL, kLL128, kSimple}) {
    if (protocol == kLL128 && !facts.has_ll128()) continue;
    if (usage.force != "tree" || kind != CollectiveKind::all_reduce) {
      const double before = best.time_s;
      consider(ring_time_s(facts, protocol, false), cat("ring, ", kProtocolNames.at(protocol)));
      if (best.time_s < before) ring_protocol = protocol;
    }
    if (usage.force != "ring" && usage.trees && kind == CollectiveKind::all_reduce)
      consider(tree_time_s(facts, protocol), cat("tree, ", kProtocolNames.at(protocol)));
  }
  if (usage.force.empty() && wiring.in_switch_reduction && kind == CollectiveKind::all_reduce && placing.ranks_per_node > 2)
    consider(in_switch_time_s(facts), "NVLink SHARP");
  // NCCL chooses by the time of one operation alone, whatever comes after it.
  if (usage.back_to_back && best.choice.starts_with("ring")) best.time_s = ring_time_s(facts, ring_protocol, true);
  return best;
}

}  // namespace convoy
