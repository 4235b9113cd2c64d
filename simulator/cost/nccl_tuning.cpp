#include <algorithm>
#include <cmath>

#include "reference/core/units.h"
#include "simulator/cost/nccl_facts.h"

// Note [what NCCL expects]
// NCCL chooses algorithm and protocol by times that it reckons from hops, bandwidths and the tables of nccl_versions.cpp, without
// the notes on channels and chunks in nccl.cpp. What is chosen then takes what stands there.

namespace convoy::nccl {
namespace {

double ring_latency_us(const Facts& facts, Protocol protocol) {
  const Latencies& ring = facts.constants.ring;
  const int steps = ring_steps(facts.kind, facts.placing.ranks());
  if (facts.passes_on()) {
    // As if all hops were the longest kind; with Simple those of a tree, which wait for chunks.
    const Latencies& hops = protocol == kSimple ? facts.constants.tree : ring;
    const double hop_us = facts.placing.nodes > 1 ? facts.far_hop_us(hops, protocol) : facts.near_hop_us(hops, protocol);
    return ring.start_us[protocol] + steps * hop_us;
  }
  const int more = facts.kind == CollectiveKind::all_reduce ? facts.constants.more_far_steps : 0;
  const int far = facts.placing.nodes == 1 ? 0 : std::min(ring_steps(facts.kind, facts.placing.nodes) + more, steps);
  double latency_us = ring.start_us[protocol] + (steps - far) * facts.near_hop_us(ring, protocol);
  if (far > 0) latency_us += far * facts.far_hop_us(ring, protocol);
  return latency_us * facts.plateau(protocol);
}

}  // namespace

double reckoned_ring_s(const Facts& facts, Protocol protocol) {
  const Constants& constants = facts.constants;
  double bytes_per_s =
      std::min({facts.node_bytes_per_s(), facts.network_bytes_per_s(), constants.most_GBps[facts.generation()] * GB});
  const bool alone = facts.placing.nodes == 1 && facts.kind != CollectiveKind::all_reduce && facts.kind != CollectiveKind::reduce;
  if (protocol == kLL)
    bytes_per_s =
        std::min(bytes_per_s * (alone ? constants.ring_ll_part_alone : constants.ring_ll_part), facts.ll_most_bytes_per_s());
  // With one GPU a node, its NIC is read and written at the same time.
  if (protocol == kLL128)
    bytes_per_s = std::min(bytes_per_s * (facts.placing.ranks_per_node < 2 ? constants.ll128_alone_part : 0.92),
                           facts.ll128_most_bytes_per_s());
  const double sent =
      facts.passes_on() ? facts.bytes : facts.bytes * ring_steps(facts.kind, facts.placing.ranks()) / facts.placing.ranks();
  return ring_latency_us(facts, protocol) * us + sent / bytes_per_s;
}

double reckoned_tree_s(const Facts& facts, Protocol protocol) {
  // On two nodes NCCL looks for trees that are faster within a node than between, which a switch of NVLinks allows.
  const bool faster_inside = facts.placing.nodes == 2 && facts.wiring.interior == GpuInterior::nvlink_switch;
  double bytes_per_s = std::min(facts.node_bytes_per_s(), facts.network_bytes_per_s() * (faster_inside ? 2 : 1));
  bytes_per_s = std::min(bytes_per_s * 0.92, facts.tree_most_bytes_per_s());
  if (protocol == kLL) bytes_per_s = std::min(bytes_per_s / 3.8, facts.ll_most_bytes_per_s());
  if (protocol == kLL128)
    bytes_per_s = std::min(bytes_per_s * (facts.placing.nodes == 1 ? 7.0 / 9 : facts.constants.ll128_tree_part),
                           facts.ll128_tree_most_bytes_per_s());
  const Latencies& tree = facts.constants.tree;
  double latency_us = tree.start_us[protocol] + 2 * (facts.placing.ranks_per_node - 1) * facts.near_hop_us(tree, protocol);
  if (facts.placing.nodes > 1) latency_us += 2 * std::floor(std::log2(facts.placing.nodes)) * facts.far_hop_us(tree, protocol);
  const auto size = static_cast<std::size_t>(std::log2(std::max(facts.bytes / 64, 1.0)));
  const double part = size < kTreeParts ? facts.constants.tree_part[protocol][size] : 1.0;
  return latency_us * us + facts.bytes / (bytes_per_s / 2 * part);
}

/// NVLink SHARP: the switch reads every GPU's copy of a part and adds (S leaves each GPU, S/n arrives), then hands the sum to all
/// (S/n leaves, S arrives): S (1 + 1/n) each way. 0.85 of the links' rate is NCCL's own figure for Hopper and 0.74 for Blackwell
/// (tuning.cc, nvlsEfficiency), 25 us its start.
double reckoned_in_switch_s(const Facts& facts) {
  const double part = facts.wiring.nvlink_generation >= 5 ? 0.74 : 0.85;
  const double inside = facts.node_bytes_per_s() * part / (1 + 1.0 / facts.placing.ranks_per_node);
  const double network = facts.network_bytes_per_s() / (facts.placing.nodes > 2 ? 2 : 1);
  double latency_us = 25.0;
  if (facts.placing.nodes > 1)
    latency_us += 2 * std::floor(std::log2(facts.placing.nodes)) * facts.far_hop_us(constants_of(0).tree, kSimple);
  return latency_us * us + facts.bytes / std::min(inside, network);
}

}  // namespace convoy::nccl
