#include <map>

#include "reference/core/units.h"
#include "simulator/cost/cluster_wiring.h"
#include "simulator/cost/nccl_facts.h"
#include "simulator/platform/gpu.h"
#include "tests/catch.h"

using namespace convoy;

TEST_CASE("nccl: the constants of a version are those of the newest file not after it", "[library]") {
  // 2.8 and 2.16.2, which was not read: hops and starts of 2.17.1 too.
  for (const int version : {20804, 21602, 21701}) {
    const nccl::Constants& of = nccl::constants_of(version);
    CHECK(of.ring.start_us[nccl::kLL] == 3.6);
    CHECK(of.tree.start_us[nccl::kLL128] == 4.4);
    CHECK(of.ring.hop_us[nccl::kNvlink][nccl::kLL] == 0.47);
    CHECK(of.ring.hop_us[nccl::kNetwork][nccl::kSimple] == 9.6);
    CHECK(of.ring_ll_part == 0.25);
    CHECK(of.ring.ll_beside_network == 1.8);
    CHECK(of.plateau[1] == 1.9);
  }
  CHECK(nccl::constants_of(21602).since_version == 0);
  CHECK(nccl::constants_of(21602).tree_part[nccl::kLL128][16] == 0.7);
  CHECK(nccl::constants_of(21701).tree_part[nccl::kLL128][16] == 0.8);
  CHECK(nccl::constants_of(21701).plateau[2] == 1.5);
  const nccl::Constants& of_20 = nccl::constants_of(22003);
  CHECK(of_20.ring.start_us[nccl::kLL] == 6.6);
  CHECK(of_20.tree.start_us[nccl::kSimple] == 0);
  CHECK(of_20.tree.hop_us[nccl::kNetwork][nccl::kSimple] == 28);
  CHECK(of_20.ring.hop_us[nccl::kNetwork][nccl::kSimple] == 14);
  CHECK(of_20.ring_ll_part == 0.25);
  CHECK(of_20.plateau[0] == 1.9);
  CHECK(of_20.plateau[1] == 1.4);
  CHECK(of_20.ring.ll_beside_network == 1);
  CHECK(&nccl::constants_of(22707) == &of_20);
  const nccl::Constants& newest = nccl::constants_of(0);
  CHECK(&nccl::constants_of(22803) == &newest);
  CHECK(newest.tree.start_us[nccl::kSimple] == 8.4);
  CHECK(newest.tree.hop_us[nccl::kNetwork][nccl::kSimple] == 14);
  CHECK(newest.ring_ll_part == 0.5);
  CHECK(newest.ll_alone_GBps[3] == 282);
  for (const int version : {20804, 21701, 22003, 22803})
    for (const nccl::Protocol protocol : nccl::kProtocols)
      CHECK(nccl::constants_of(version).tree_part[protocol][0] == (protocol == nccl::kSimple ? 0.9 : 1));
}

TEST_CASE("nccl: hops of several nodes, and when a ring's chunks wait", "[library]") {
  const Cluster dgx = load_cluster("dgx-a100");
  const GpuWiring wiring = wiring_of(dgx);
  const auto facts = [&](int version, double bytes, int nodes) {
    return nccl::Facts{CollectiveKind::all_reduce, bytes, {nodes, 8}, wiring, nccl::constants_of(version)};
  };
  const auto hop_us = [&](int version, int nodes, nccl::Protocol protocol) {
    const nccl::Facts of = facts(version, 8, nodes);
    return of.near_hop_us(of.constants.ring, protocol);
  };
  CHECK(hop_us(20804, 1, nccl::kLL) == 0.47);
  CHECK(hop_us(20804, 2, nccl::kLL) == 1.8 * 0.47);
  CHECK(hop_us(22003, 1, nccl::kLL) == 0.6);
  CHECK(hop_us(22003, 2, nccl::kLL) == 1.0);
  CHECK(hop_us(22003, 2, nccl::kSimple) == 3.4);
  CHECK(facts(20804, 65536, 2).plateau(nccl::kSimple) == 1.9);
  CHECK(facts(20804, 65535, 2).plateau(nccl::kSimple) == 1);
  CHECK(facts(22003, 64.0 * 16 * 16, 2).plateau(nccl::kSimple) == 1.4);  // 16 channels, 16 ranks
  CHECK(facts(22003, 64.0 * 16 * 16 - 1, 2).plateau(nccl::kSimple) == 1);
  CHECK(facts(22003, 1e9, 1).plateau(nccl::kSimple) == 1);
  CHECK(facts(22003, 1e9, 2).plateau(nccl::kLL) == 1);
  for (const double bytes : {8 * MiB, 16 * MiB}) {
    const LibraryTime time = library_time(Library::nccl, CollectiveKind::all_reduce, bytes, {2, 8}, wiring);
    CHECK(time.choice == "tree, LL128");
  }
}

TEST_CASE("nccl: the networks of clusters are those that their descriptions name", "[library]") {
  const std::map<std::string, FabricKind> stated = {{"abci-v100", FabricKind::infiniband},
                                                    {"aws-p4d", FabricKind::efa},
                                                    {"aws-p5", FabricKind::efa},
                                                    {"cpu-cluster", FabricKind::omni_path},
                                                    {"dgx-a100", FabricKind::infiniband},
                                                    {"dgx-b200", FabricKind::infiniband},
                                                    {"dgx-h100", FabricKind::infiniband},
                                                    {"dgx-h200", FabricKind::infiniband},
                                                    {"dgx1-p100", FabricKind::infiniband},
                                                    {"dgx1-v100", FabricKind::infiniband},
                                                    {"dgx2-v100", FabricKind::infiniband},
                                                    {"mi300x", FabricKind::roce},
                                                    {"pcie-switch-4gpu", FabricKind::none},
                                                    {"server-l40s", FabricKind::roce},
                                                    {"server-t4", FabricKind::tcp},
                                                    {"v100-10gbe", FabricKind::tcp},
                                                    {"workstation-1080ti", FabricKind::tcp},
                                                    {"workstation-2080ti", FabricKind::tcp},
                                                    {"workstation-3090", FabricKind::tcp},
                                                    {"workstation-4090", FabricKind::tcp}};
  for (const auto& [name, fabric] : stated) {
    INFO(name);
    CHECK(wiring_of(load_cluster(name)).fabric == fabric);
  }
  // Every other one that names a network names InfiniBand.
  for (const std::string& name : cluster_names()) {
    INFO(name);
    const FabricKind fabric = wiring_of(load_cluster(name)).fabric;
    if (!stated.contains(name)) CHECK((fabric == FabricKind::infiniband || fabric == FabricKind::none));
  }
}

TEST_CASE("nccl: switches that add are NVIDIA's", "[library]") {
  CHECK(wiring_of(load_cluster("dgx-h100")).in_switch_reduction);
  CHECK_FALSE(wiring_of(load_cluster("dgx-a100")).in_switch_reduction);
  Cluster switched = load_cluster("mi300x");
  CHECK_FALSE(wiring_of(switched).in_switch_reduction);
  switched.wiring = "switch";
  switched.node_link.bandwidth_bytes_per_s = 448 * GB;
  CHECK(wiring_of(switched).interior == GpuInterior::nvlink_switch);
  CHECK_FALSE(wiring_of(switched).in_switch_reduction);
}
