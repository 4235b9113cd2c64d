#include "simulator/cost/nccl_facts.h"

#include <algorithm>
#include <limits>

#include "reference/core/units.h"

namespace convoy::nccl {
namespace {

/// NCCL 2.5 to 2.11 (read in the stored source of 2.8), 2.12 to 2.19, and 2.20 to 2.28. Up to 2.19 the hop of a tree with Simple
/// contains the time of a chunk.
constexpr std::array kVersions = {
    Constants{21200,
              {{3.6, 10.0, 8.4}, {{0.47, 1.9, 3.4}, {1.0, 2.5, 5.7}, {2.7, 4.0, 9.6}}},
              {{4.4, 4.4, 0.0}, {{0.52, 1.25, 28.0}, {1.0, 1.9, 28.0}, {5.0, 8.5, 28.0}}},
              1.0 / 4,
              {{1.0, 1.0, 1.0, 1.0, .9, .8, .7, .7, .7, .7, .6, .5, .4, .4, .5, .6, .7, .8, .9, 1.0, 1.0, 1.0},
               {1.0, 1.0, 1.0, 1.0, 1.0, .9, .8, .8, .8, .7, .6, .6, .6, .5, .6, .6, .7, .7, .8, .9, .9, .92},
               {.9, .9, .9, .9, .9, .9, .9, .8, .7, .6, .6, .5, .5, .5, .5, .6, .7, .8, .7, .7, .8, .9}}},
    Constants{22000,
              {{6.6, 14.0, 8.4}, {{0.6, 1.9, 3.4}, {1.0, 2.5, 5.7}, {2.7, 4.0, 14.0}}},
              {{6.8, 14.0, 0.0}, {{0.6, 1.25, 28.0}, {1.0, 1.9, 28.0}, {5.0, 8.5, 28.0}}},
              1.0 / 2,
              {{1.0, 1.0, 1.0, 1.0, .9, .8, .7, .7, .7, .7, .6, .5, .4, .4, .5, .6, .7, .8, .9, 1.0, 1.0, 1.0},
               {1.0, 1.0, 1.0, 1.0, 1.0, .9, .8, .8, .8, .7, .6, .6, .6, .5, .6, .6, .7, .7, .8, .9, .9, 1.0},
               {.9, .9, .9, .9, .9, .9, .9, .8, .7, .6, .6, .5, .5, .5, .5, .5, .5, .6, .6, .7, .8, .9}}},
    Constants{std::numeric_limits<int>::max(),
              {{6.6, 14.0, 8.4}, {{0.6, 1.9, 3.4}, {1.0, 2.5, 5.7}, {2.7, 4.0, 14.0}}},
              {{6.8, 14.0, 8.4}, {{0.6, 1.25, 4.0}, {1.0, 1.9, 4.0}, {5.0, 8.5, 14.0}}},
              1.0 / 2,
              {{1.0, 1.0, 1.0, 1.0, .9, .8, .7, .7, .7, .7, .6, .5, .4, .4, .5, .6, .7, .8, .9, 1.0, 1.0, 1.0},
               {1.0, 1.0, 1.0, 1.0, 1.0, .9, .8, .8, .8, .7, .6, .6, .6, .5, .6, .6, .7, .7, .8, .9, .9, 1.0},
               {.9, .9, .9, .9, .9, .9, .9, .8, .7, .6, .6, .5, .5, .5, .5, .5, .5, .6, .6, .7, .8, .9}}}};

/// By generation of the GPU, Volta and before, Ampere, Hopper, and on one node, two, and more (tuning.cc): GB/s that LL reaches
/// at most (llMaxBws), and one channel of a tree with Simple (perChMaxTreeBws); GB/s of one channel with LL128
/// (perChMaxRingLL128Bws).
constexpr double kLLMost_GBps[3][3] = {{39.0, 39.0, 20.4}, {87.7, 22.5, 19.0}, {141.0, 45.0, 35.0}};
constexpr double kTreeChannel_GBps[3][3] = {{26.5, 18.5, 10.0}, {24.0, 23.6, 17.8}, {38.7, 41.4, 36.0}};
constexpr double kLL128Channel_GBps[3] = {20.0, 20.0, 36.7};
/// Channels that NCCL's log states of a DGX-1 with V100, a DGX A100 and an HGX H100 ("12 coll channels").
constexpr double kChannelsOfNode[3] = {12, 24, 24};
/// What NCCL reckons that rings of A100 reach (tuning.cc: "if (compCap80) busBw = std::min(busBw, 235.0f)").
constexpr double kAmpereMost_GBps = 235;
/// A hop of LL within a node, of a group with several (tuning.cc: "if (nNodes > 1 && p == NCCL_PROTO_LL) intraLat *= 1.8").
constexpr double kLLBesideNetwork = 1.8;

}  // namespace

const Constants& constants_of(int version) {
  if (version == 0) return kVersions.back();
  return *std::find_if(kVersions.begin(), kVersions.end() - 1,
                       [&](const Constants& row) { return version < row.before_version; });
}

bool Facts::on_nvlink() const {
  return wiring.interior == GpuInterior::nvlink_switch || wiring.interior == GpuInterior::nvlink_mesh ||
         (wiring.interior == GpuInterior::nvlink_pairs && placing.ranks_per_node <= 2);
}

std::size_t Facts::generation() const {
  const int nvlink = wiring.nvlink_generation;
  return nvlink == 4 || nvlink == 5 ? 2 : nvlink == 3 || nvlink == 30 || nvlink > 90 ? 1 : 0;
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
  return latencies.hop_us[inside()][protocol] * (protocol == kLL && placing.nodes > 1 ? kLLBesideNetwork : 1.0);
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

double Facts::ll_most_bytes_per_s() const { return kLLMost_GBps[generation()][size_class()] * GB; }

double Facts::ll128_most_bytes_per_s() const { return 2 * channels() * kLL128Channel_GBps[generation()] * GB; }

double Facts::tree_most_bytes_per_s() const { return 2 * channels() * kTreeChannel_GBps[generation()][size_class()] * GB; }

int ring_steps(CollectiveKind kind, int members) {
  if (kind == CollectiveKind::all_reduce) return 2 * (members - 1);
  if (kind == CollectiveKind::all_gather || kind == CollectiveKind::reduce_scatter) return members - 1;
  return members;
}

double with_flags(Protocol protocol) { return protocol == kLL ? 2.0 : protocol == kLL128 ? 128.0 / 120 : 1.0; }

double ll_channel_bytes_per_s(const Facts& facts) {
  const std::size_t generation = facts.generation();
  return kLLMost_GBps[generation][0] / kChannelsOfNode[generation] * GB;
}

}  // namespace convoy::nccl
