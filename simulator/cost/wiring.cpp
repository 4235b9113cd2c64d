#include "simulator/cost/wiring.h"

#include <algorithm>
#include <cmath>

#include "reference/core/error.h"
#include "reference/core/units.h"

namespace convoy {

double nvlink_bytes_per_s(int generation) {
  switch (generation) {
    case 0: return 0;
    case 1: return 18.0 * GB;
    case 2: return 20.0 * GB;
    case 3: return 20.0 * GB;
    case 4: return 20.6 * GB;
    case 5: return 40.1 * GB;
    case 25: return 20.0 * GB;
    case 30: return 12.0 * GB;
    default: return nvlink_sheet_bytes_per_s(generation) * 0.75;
  }
}

int nvlink_generation(int compute_capability) {
  switch (compute_capability) {
    case 60: return 1;
    case 70: return 2;
    case 75: return 25;
    case 80: return 3;
    case 86: return 30;
    case 90: return 4;
    case 100: return 5;
    case 910: return 91;
    case 942: return 94;
    default: return 0;
  }
}

double nvlink_sheet_bytes_per_s(int generation) {
  switch (generation) {
    case 1: return 20.0 * GB;
    case 5: return 50.0 * GB;
    case 30: return 14.0625 * GB;
    case 91: return 50.0 * GB;
    case 94: return 64.0 * GB;
    default: return 25.0 * GB;
  }
}

double pcie_bytes_per_s(int generation) { return 12.0 * GB * std::exp2(generation - 3); }

double pcie_pair_bytes_per_s(const GpuWiring& wiring) {
  const double lanes_bytes_per_s = pcie_bytes_per_s(wiring.pcie_generation);
  if (!wiring.peer_to_peer) return lanes_bytes_per_s / 2;
  return wiring.pcie_switches && !wiring.two_sockets ? lanes_bytes_per_s : lanes_bytes_per_s * 5 / 6;
}

double socket_rate(Sockets sockets) {
  switch (sockets) {
    case Sockets::qpi: return 6 * GB;
    case Sockets::upi: return 10 * GB;
    case Sockets::amd: return 16 * GB;
    case Sockets::upi_2023: return 22 * GB;
  }
  return 0;
}

Sockets sockets_sold_with(int compute_capability) {
  if (compute_capability < 70) return Sockets::qpi;
  if (compute_capability < 80) return Sockets::upi;
  return compute_capability < 89 ? Sockets::amd : Sockets::upi_2023;
}

double nic_data_bytes_per_s(const GpuWiring& wiring, bool from_gpu) {
  double part = 1;
  switch (wiring.fabric) {
    case FabricKind::none: return 0;
    case FabricKind::infiniband:
    case FabricKind::omni_path: part = 4096.0 / (4096 + 30); break;
    case FabricKind::roce: part = 4096.0 / (4096 + 58); break;
    case FabricKind::tcp: part = 1448.0 / 1538; break;
    case FabricKind::efa:
    case FabricKind::tcpx: part = 8192.0 / (8192 + 90); break;
  }
  const double wire_bytes_per_s = wiring.nic_bytes_per_s * part;
  if (!from_gpu || wiring.fabric == FabricKind::tcp) return std::min(wire_bytes_per_s, pcie_bytes_per_s(wiring.pcie_generation));
  const double completion_bytes = wiring.pcie_generation < 4 ? 64 : 256;
  const double read_bytes_per_s =
      15.75 * GB * std::exp2(wiring.pcie_generation - 3) * completion_bytes / (completion_bytes + 24) * 0.9;
  return std::min(wire_bytes_per_s, read_bytes_per_s);
}

double fabric_latency_s(FabricKind fabric) {
  switch (fabric) {
    case FabricKind::none: return 0;
    case FabricKind::tcp: return 22 * us;
    case FabricKind::efa:
    case FabricKind::tcpx: return 15 * us;
    default: return 1 * us;
  }
}

namespace {

double pcie_ring_bytes_per_s(const GpuWiring& wiring, int ranks) {
  const double pair_bytes_per_s = pcie_pair_bytes_per_s(wiring);
  const bool crosses = wiring.two_sockets && wiring.socket_bytes_per_s > 0 && 2 * ranks > wiring.devices_per_node;
  return crosses ? std::min(pair_bytes_per_s, wiring.socket_bytes_per_s) : pair_bytes_per_s;
}

int mesh_ring_links(const GpuWiring& wiring, int ranks) {
  const bool all_joined = wiring.devices_per_node <= 4 || wiring.nvlink_generation > 90;
  if (all_joined) return std::max(1, wiring.nvlinks * (ranks - 1) / (wiring.devices_per_node - 1));
  if (ranks > 4) return wiring.nvlinks;
  if (ranks == 2) return 1;
  return wiring.nvlink_generation == 1 ? 2 : 4;
}

}  // namespace

double ring_bytes_per_s(const GpuWiring& wiring, int ranks) {
  require(ranks >= 1, "ring_bytes_per_s", "there is no ring of ", ranks);
  const double link_bytes_per_s = nvlink_bytes_per_s(wiring.nvlink_generation);
  switch (wiring.interior) {
    case GpuInterior::nvlink_switch: return wiring.nvlinks * link_bytes_per_s;
    case GpuInterior::nvlink_mesh: return mesh_ring_links(wiring, ranks) * link_bytes_per_s;
    case GpuInterior::nvlink_pairs: return ranks <= 2 ? wiring.nvlinks * link_bytes_per_s : pcie_ring_bytes_per_s(wiring, ranks);
    default: return pcie_ring_bytes_per_s(wiring, ranks);
  }
}

std::string describe(const GpuWiring& wiring) {
  static constexpr const char* kInteriors[] = {
      "alone", "on an NVLink switch", "in an NVLink mesh", "in NVLink pairs", "on PCIe", "of a host"};
  static constexpr const char* kFabrics[] = {"none", "InfiniBand", "RoCE", "TCP", "EFA", "TCPX", "Omni-Path"};
  std::string text = cat(wiring.devices_per_node, " devices ", kInteriors[static_cast<int>(wiring.interior)]);
  if (wiring.nvlinks > 0) text += cat(" (", wiring.nvlinks, " links)");
  if (wiring.fabric != FabricKind::none)
    text += cat(", ", wiring.nics, wiring.nics == 1 ? " NIC of " : " NICs of ", format_bandwidth(wiring.nic_bytes_per_s), ", ",
                kFabrics[static_cast<int>(wiring.fabric)]);
  return text;
}

}  // namespace convoy
