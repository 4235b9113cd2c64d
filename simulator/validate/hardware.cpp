#include "simulator/validate/hardware.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "reference/core/error.h"
#include "reference/core/units.h"

namespace convoy {
namespace {

bool contains(const std::string& text, std::string_view word) { return text.find(word) != std::string::npos; }

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// All numbers in "10 or 100".
std::vector<double> numbers_in(const std::string& text) {
  std::vector<double> numbers;
  std::string digits;
  for (const char c : text + " ") {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0 || (c == '.' && !digits.empty())) {
      digits += c;
    } else if (!digits.empty()) {
      if (const auto value = parse_number(digits)) numbers.push_back(*value);
      digits.clear();
    }
  }
  return numbers;
}

FabricKind fabric_of(const std::string& text) {
  if (text.empty() || contains(text, "none")) return FabricKind::none;
  if (contains(text, "InfiniBand")) return FabricKind::infiniband;
  if (contains(text, "TCPX")) return FabricKind::tcpx;
  if (contains(text, "RoCE")) return FabricKind::roce;
  if (contains(text, "EFA")) return FabricKind::efa;
  if (contains(text, "OPA")) return FabricKind::omni_path;
  if (contains(text, "Omni-Path")) return FabricKind::omni_path;
  if (contains(text, "Ethernet") || contains(text, "TCP")) return FabricKind::tcp;
  return FabricKind::none;
}

GpuInterior interior_of(const std::string& text, int devices) {
  if (devices <= 1 || contains(text, "one GPU")) return GpuInterior::alone;
  if (contains(text, "NVSwitch")) return GpuInterior::nvlink_switch;
  if (contains(text, "NVLink") && (contains(text, "pairs") || contains(text, "bridge"))) {
    return contains(text, "no NVLink") || contains(text, "bridge not stated") ? GpuInterior::pcie : GpuInterior::nvlink_pairs;
  }
  if (contains(text, "NVLink") && !contains(text, "no NVLink")) return GpuInterior::nvlink_mesh;
  return GpuInterior::pcie;
}

/// What joins two processors, as far as the text names them; else what was sold with the GPUs of that time.
Sockets sockets_of(const std::string& text, const Gpu* gpu) {
  if (contains(text, "EPYC") || contains(text, "AMD")) return Sockets::amd;
  if (contains(text, "E5-") || contains(text, "QPI")) return Sockets::qpi;
  if (contains(text, "Xeon Gold") || contains(text, "Platinum") || contains(text, "UPI")) return Sockets::upi;
  if (gpu != nullptr && gpu->compute_capability >= 70) return gpu->pcie_generation >= 4 ? Sockets::amd : Sockets::upi;
  return Sockets::qpi;
}

GpuWiring wiring_from(const CsvTable& table, std::size_t row, const Gpu* gpu) {
  const std::string inside = table.text(row, "intra_node_link");
  const std::string everything = inside + "; " + table.text(row, "notes");
  GpuWiring wiring;
  wiring.devices_per_node = static_cast<int>(table.number(row, "gpus_per_node").value_or(1));
  wiring.interior = interior_of(inside, wiring.devices_per_node);
  wiring.pcie_generation = contains(everything, "PCIe 5")   ? 5
                           : contains(everything, "PCIe 4") ? 4
                           : contains(everything, "PCIe 2") ? 2
                                                            : 3;
  if (gpu != nullptr) {
    if (!contains(everything, "PCIe")) wiring.pcie_generation = gpu->pcie_generation;
    wiring.peer_to_peer = gpu->peer_to_peer;
    const int generation = nvlink_generation(gpu->compute_capability);
    const double rate_GBps = table.number(row, "intra_node_bw_per_gpu_per_direction_GB_per_s").value_or(0);
    if (wiring.interior != GpuInterior::pcie && wiring.interior != GpuInterior::alone && generation > 0 && rate_GBps > 0) {
      wiring.nvlink_generation = generation;
      wiring.nvlinks = static_cast<int>(std::lround(rate_GBps * GB / nvlink_sheet_bytes_per_s(generation)));
    } else if (wiring.interior != GpuInterior::alone) {
      wiring.interior = GpuInterior::pcie;
    }
    wiring.in_switch_reduction = wiring.interior == GpuInterior::nvlink_switch && gpu->compute_capability >= 90;
  }
  wiring.pcie_switches = contains(everything, "PLX") || contains(everything, "PCIe 3.0 switches");
  wiring.two_sockets =
      contains(everything, "two sockets") || contains(everything, "dual Xeon") || contains(everything, "per socket");
  if (wiring.two_sockets) wiring.socket_bytes_per_s = socket_rate(sockets_of(everything, gpu));
  wiring.fabric = fabric_of(table.text(row, "inter_node_link"));
  wiring.nics = static_cast<int>(std::max(1.0, table.number(row, "nics_per_node").value_or(1)));
  return wiring;
}

Device device_from(const CsvTable& table, std::size_t row) {
  constexpr double kTera = 1e12;
  Device device;
  device.name = table.text(row, "gpu");
  const double fp32 = table.number(row, "gpu_peak_fp32_TFLOP_per_s").value_or(0);
  const double fp16 = table.number(row, "gpu_peak_fp16_or_tensor_TFLOP_per_s").value_or(0);
  if (fp32 > 0) device.peak_flops_per_s["fp32"] = fp32 * kTera;
  if (fp16 > 0) device.peak_flops_per_s["fp16"] = fp16 * kTera;
  if (fp16 > 0) device.peak_flops_per_s["tf32"] = fp16 * kTera / 2;
  device.memory_bandwidth_bytes_per_s = table.number(row, "gpu_mem_bw_GB_per_s").value_or(0) * GB;
  device.memory_bytes = static_cast<std::int64_t>(table.number(row, "gpu_mem_GB").value_or(0) * GiB);
  device.launch_overhead_s = 5 * us;
  device.source = cat(table.file, ", ", table.text(row, "hardware_id"));
  return device;
}

/// Everything of a row but its id. Throws for text where a number belongs.
void read_row(const CsvTable& table, std::size_t row, Hardware& hardware) {
  hardware.gpu_name = table.text(row, "gpu");
  hardware.gpu = find_gpu(hardware.gpu_name);
  hardware.device = device_from(table, row);
  hardware.wiring = wiring_from(table, row, hardware.gpu);
  hardware.network = table.text(row, "inter_node_link");
  for (const double Gbit_per_s : numbers_in(table.text(row, "nic_Gbit_per_s")))
    hardware.nic_choices.push_back(Gbit_per_s * Gbit);
  if (!hardware.nic_choices.empty()) hardware.wiring.nic_bytes_per_s = hardware.nic_choices.front();
  if (contains(hardware.gpu_name, "not stated") || contains(hardware.gpu_name, "not used") || hardware.gpu_name.empty()) {
    hardware.missing = "GPU not stated";
  } else if (hardware.gpu == nullptr) {
    hardware.missing = cat("'", hardware.gpu_name, "' is in no table of ours");
  }
  // "Pascal GPU (model not stated; P100 class)" states what matters.
  if (hardware.gpu != nullptr && !hardware.device.peak_flops_per_s.empty()) hardware.missing.clear();
}

}  // namespace

std::map<std::string, Hardware> read_hardware(const CsvTable& table) {
  if (!table.has("hardware_id")) throw InputError(cat(table.file, ", line 1: there is no column hardware_id"));
  std::map<std::string, Hardware> all;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    Hardware hardware;
    hardware.id = table.text(row, "hardware_id");
    try {
      read_row(table, row, hardware);
    } catch (const std::exception& reason) {  // rows of other machines have nothing to do with it
      hardware.broken = reason.what();
    }
    all[hardware.id] = hardware;
  }
  return all;
}

GpuWiring wiring_of(const Hardware& hardware, const std::string& words) {
  GpuWiring wiring = hardware.wiring;
  if (hardware.nic_choices.size() < 2) return wiring;
  const std::string text = lower(words);
  const bool fast = contains(text, "infiniband") || contains(text, "rdma") || contains(text, "100ib") || contains(text, "56g") ||
                    contains(text, "100g") || contains(text, "_ib");
  const auto [slowest, fastest] = std::minmax_element(hardware.nic_choices.begin(), hardware.nic_choices.end());
  wiring.nic_bytes_per_s = fast ? *fastest : *slowest;
  wiring.fabric = fast && contains(hardware.network, "InfiniBand") ? FabricKind::infiniband : FabricKind::tcp;
  return wiring;
}

}  // namespace convoy
