#include "simulator/cost/nccl_facts.h"

#include <algorithm>
#include <limits>

#include "reference/core/units.h"
#include "simulator/cost/nccl.h"

namespace convoy::nccl {
namespace {

/// Channels of a node: a DGX-1 with V100 states 12 in NCCL's log.
constexpr double kChannelsOfNode[kGenerations] = {12, kMostChannels, kMostChannels, kMostChannels};
/// What rings of A100 reach of 12 links of 20 GB/s: NCCL reckoned with 235 GB/s (tuning.cc, to 2.17) and its developers measure
/// 230, which other narrow places of the GPU set (github.com/NVIDIA/nccl-tests issue 149). So it holds with every version.
constexpr double kAmpereMost_GBps = 235;
/// GB/s of LL on two nodes and more, processors of Intel and AMD (llMaxBws of all versions that were read).
constexpr double kLLFar_GBps[2][2] = {{39.0, 20.4}, {22.5, 19.0}};

}  // namespace

bool Facts::on_nvlink() const {
  return wiring.interior == GpuInterior::nvlink_switch || wiring.interior == GpuInterior::nvlink_mesh ||
         (wiring.interior == GpuInterior::nvlink_pairs && placing.ranks_per_node <= 2);
}

std::size_t Facts::generation() const {
  const int nvlink = wiring.nvlink_generation;
  if (nvlink == 4 || nvlink == 5) return nvlink == 5 ? 3 : 2;
  return nvlink == 3 || nvlink == 30 || nvlink > 90 ? 1 : 0;
}

double Facts::node_bytes_per_s() const {
  if (placing.ranks_per_node == 1) return std::numeric_limits<double>::infinity();
  const double rings = ring_bytes_per_s(wiring, placing.ranks_per_node);
  return on_nvlink() && wiring.nvlink_generation == 3 ? std::min(rings, kAmpereMost_GBps * GB) : rings;
}

double Facts::network_bytes_per_s() const {
  return placing.nodes == 1 ? std::numeric_limits<double>::infinity() : wiring.nics * nic_data_bytes_per_s(wiring, true);
}

double Facts::near_hop_us(const Latencies& latencies, Protocol protocol) const {
  const double hop_us = latencies.hop_us[inside()][protocol];
  if (placing.nodes == 1) return hop_us;
  return std::max(hop_us * (protocol == kLL ? latencies.ll_beside_network : 1.0),
                  latencies.least_beside_network_us * (protocol == kSimple ? 3.0 : 1.0));
}

double Facts::far_hop_us(const Latencies& latencies, Protocol protocol) const {
  return latencies.hop_us[kNetwork][protocol] + (fabric_latency_s(wiring.fabric) - fabric_latency_s(FabricKind::infiniband)) / us;
}

double Facts::channels() const { return placing.nodes > 1 ? wiring.nics : on_nvlink() ? std::max(1, wiring.nvlinks) : 1; }

/// NCCL takes LL128 on NVLink, and between nodes only where GPUs and NICs hang below the same PCIe switches (tuning.cc:
/// typeInter <= PATH_PXB). Nodes of 8 are built so (DGX, HGX). Of nodes of 4 it is assumed that NICs hang at the processors:
/// ABCI's all-reduces take as long from 4 KiB a rank to four times that, as a ring with LL does, see Note [channels by size].
bool Facts::has_ll128() const {
  if (placing.nodes > 1 && wiring.devices_per_node <= 4) return false;
  return on_nvlink() && wiring.nvlink_generation >= 2 && wiring.nvlink_generation <= 5 && wiring.fabric != FabricKind::tcp;
}

double Facts::ll_most_bytes_per_s() const {
  if (placing.nodes == 1) return constants.ll_alone_GBps[generation()] * GB;
  return kLLFar_GBps[generation() == 1 ? 1 : 0][placing.nodes > 2 ? 1 : 0] * GB;
}

double Facts::ll128_most_bytes_per_s() const { return 2 * channels() * constants.ll128_GBps[generation()][size_class()] * GB; }

double Facts::ll128_tree_most_bytes_per_s() const {
  return 2 * channels() * constants.ll128_tree_GBps[generation()][size_class()] * GB;
}

double Facts::tree_most_bytes_per_s() const { return 2 * channels() * constants.tree_GBps[generation()][size_class()] * GB; }

double Facts::plateau(Protocol protocol) const {
  if (protocol != kSimple || placing.nodes == 1 || kind != CollectiveKind::all_reduce) return 1.0;
  const double least = constants.plateau_by_channel ? 64.0 * 2 * channels() * placing.ranks() : placing.ranks() / 16.0 * 65536;
  return bytes >= least ? constants.plateau[generation()] : 1.0;
}

int ring_steps(CollectiveKind kind, int members) {
  if (kind == CollectiveKind::all_reduce) return 2 * (members - 1);
  if (kind == CollectiveKind::all_gather || kind == CollectiveKind::reduce_scatter) return members - 1;
  return members;
}

double with_flags(Protocol protocol) { return protocol == kLL ? 2.0 : protocol == kLL128 ? 128.0 / 120 : 1.0; }

double ll_channel_bytes_per_s(const Facts& facts) {
  const std::size_t generation = facts.generation();
  return facts.constants.ll_alone_GBps[generation] / kChannelsOfNode[generation] * GB;
}

}  // namespace convoy::nccl
