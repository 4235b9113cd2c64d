#include "simulator/cost/cluster_wiring.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include "reference/core/units.h"
#include "simulator/platform/gpu.h"

namespace convoy {
namespace {

constexpr double kSlowNic_s = 15 * us;
constexpr double kPcie3_bytes_per_s = 15.75 * GB;  ///< 16 lanes of the data sheet

/// Whether name or description have a word as a whole, "RoCE" and not "processor".
bool says(const Cluster& cluster, std::string_view word) {
  std::string text = " " + cluster.name + " " + cluster.description + " ";
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto within_word = [&](std::size_t at) { return std::isalnum(static_cast<unsigned char>(text[at])) != 0; };
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    if (!within_word(at - 1) && !within_word(at + word.size())) return true;
  return false;
}

FabricKind fabric_of(const Cluster& cluster) {
  if (!(cluster.nic.bandwidth_bytes_per_s > 0)) return FabricKind::none;
  if (says(cluster, "omni-path")) return FabricKind::omni_path;
  if (says(cluster, "infiniband")) return FabricKind::infiniband;
  if (says(cluster, "roce")) return FabricKind::roce;
  if (says(cluster, "efa")) return FabricKind::efa;
  if (cluster.nic.latency_s >= kSlowNic_s || says(cluster, "ethernet")) return FabricKind::tcp;
  return FabricKind::infiniband;
}

int pcie_generation_of(double lanes_bytes_per_s) {
  return std::clamp(3 + static_cast<int>(std::lround(std::log2(lanes_bytes_per_s / kPcie3_bytes_per_s))), 1, 6);
}

void set_interior(GpuWiring& wiring, const Cluster& cluster, const Gpu& gpu) {
  const int generation = nvlink_generation(gpu.compute_capability);
  const double link = cluster.node_link.bandwidth_bytes_per_s;
  wiring.interior = GpuInterior::pcie;
  // Slower than a link of NVLink and than PCIe of its time: it is PCIe, whatever it hangs at.
  if (generation == 0 || cluster.wiring == "none" || !(link > 0)) return;
  const double of_one = nvlink_sheet_bytes_per_s(generation);
  const int width = std::max(1, static_cast<int>(std::lround(link / of_one)));
  if (cluster.wiring == "switch") {
    if (width < 2) return;
    wiring.interior = GpuInterior::nvlink_switch;
    wiring.nvlinks = width;
  } else if (cluster.wiring == "pairs") {
    wiring.interior = GpuInterior::nvlink_pairs;
    wiring.nvlinks = cluster.links_per_pair * width;
  } else {
    wiring.interior = GpuInterior::nvlink_mesh;
    wiring.nvlinks = cluster.wiring == "cube_mesh_6"   ? 6
                     : cluster.wiring == "cube_mesh_4" ? 4
                                                       : cluster.links_per_pair * (cluster.devices_per_node - 1) * width;
  }
  wiring.nvlink_generation = generation;
  wiring.in_switch_reduction = wiring.interior == GpuInterior::nvlink_switch && gpu.compute_capability >= 90 && !gpu.is_amd();
}

}  // namespace

Library library_of(const Cluster& cluster) {
  return find_gpu(cluster.device.name) != nullptr ? Library::nccl : Library::mpi_host;
}

GpuWiring wiring_of(const Cluster& cluster) {
  GpuWiring wiring{.interior = GpuInterior::host, .devices_per_node = cluster.devices_per_node};
  wiring.fabric = fabric_of(cluster);
  wiring.nics = cluster.nics_per_node;
  wiring.nic_bytes_per_s = cluster.nic.bandwidth_bytes_per_s;
  wiring.two_sockets = cluster.pcie.sockets > 1;
  wiring.pcie_switches = cluster.pcie.switches_per_socket > 0;
  const Gpu* gpu = find_gpu(cluster.device.name);
  if (gpu == nullptr) return wiring;
  wiring.pcie_generation = gpu->pcie_generation;
  if (cluster.pcie.present()) wiring.pcie_generation = pcie_generation_of(cluster.pcie.link.bandwidth_bytes_per_s);
  wiring.peer_to_peer = gpu->peer_to_peer;
  if (wiring.two_sockets) wiring.socket_bytes_per_s = socket_rate(sockets_sold_with(gpu->compute_capability));
  if (cluster.devices_per_node == 1) {
    wiring.interior = GpuInterior::alone;
  } else {
    set_interior(wiring, cluster, *gpu);
  }
  return wiring;
}

LibraryTime library_time_on(const Cluster& cluster, CollectiveKind kind, double bytes, const std::vector<int>& devices,
                            const Usage& usage) {
  std::set<int> nodes;
  for (const int device : devices) nodes.insert(cluster.node_of(device));
  Placing placing{.nodes = std::max(1, static_cast<int>(nodes.size())), .ranks_per_node = 1};
  // Nodes with fewer devices than others wait for those.
  placing.ranks_per_node = std::max(1, (static_cast<int>(devices.size()) + placing.nodes - 1) / placing.nodes);
  return library_time(library_of(cluster), kind, bytes, placing, wiring_of(cluster), usage);
}

}  // namespace convoy
