#include "simulator/validate/hardware.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <initializer_list>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "simulator/validate/cells.h"

namespace convoy {
namespace {

/// All numbers in "10 or 100"; of "8 x 200" the last.
std::vector<double> numbers_in(const std::string& text) {
  std::vector<double> numbers;
  std::string digits;
  bool times = false;  ///< nothing but spaces since the last number
  for (const char c : text + " ") {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0 || (c == '.' && !digits.empty())) {
      digits += c;
    } else {
      if (const auto value = parse_number(digits)) numbers.push_back(*value);
      digits.clear();
      times = times && (c == ' ' || c == 'x');
      if (c == 'x' && times && !numbers.empty()) numbers.pop_back();
      continue;
    }
    times = true;
  }
  return numbers;
}

/// Whether the text has one of these, beginning where a word does: "efa" is in "EFA v2" and not in "default".
bool contains(const std::string& text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
      if (at == 0 || std::isalnum(static_cast<unsigned char>(text[at - 1])) == 0) return true;
    return false;
  });
}

bool has_word(const std::string& text, std::string_view word) {
  const auto inside = [&](std::size_t at) { return at < text.size() && std::isalnum(static_cast<unsigned char>(text[at])) != 0; };
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    if ((at == 0 || !inside(at - 1)) && !inside(at + word.size())) return true;
  return false;
}

/// Of text in small letters.
FabricKind fabric_of(const std::string& text) {
  if (text.empty() || contains(text, {"none", "single node"}) || text.starts_with("not used")) return FabricKind::none;
  if (contains(text, {"tcpx"})) return FabricKind::tcpx;
  if (contains(text, {"roce"})) return FabricKind::roce;
  if (contains(text, {"infiniband", "edr", "hdr", "ndr", "fdr", "qdr"}) || has_word(text, "ib")) return FabricKind::infiniband;
  if (contains(text, {"efa", "elastic fabric"})) return FabricKind::efa;
  if (has_word(text, "opa") || contains(text, {"omni-path", "omnipath", "omni path"})) return FabricKind::omni_path;
  // HPE's and Cray's networks reach GPUs directly with about a microsecond, as RoCE does.
  if (contains(text, {"slingshot", "aries", "rdma"})) return FabricKind::roce;
  if (contains(text, {"ethernet", "tcp", "gbe", "10gbe", "25gbe", "40gbe", "50gbe", "100gbe", "gbit", "virtual network"}) ||
      has_word(text, "ena") || has_word(text, "vpc"))
    return FabricKind::tcp;
  return FabricKind::none;
}

/// Of text in small letters.
GpuInterior interior_of(const std::string& text, int devices) {
  if (devices <= 1 || contains(text, {"one gpu"})) return GpuInterior::alone;
  if (contains(text, {"nvswitch", "nvlink switch", "nvlink-switch"})) return GpuInterior::nvlink_switch;
  if (contains(text, {"no nvlink", "without nvlink", "bridge not stated"})) return GpuInterior::pcie;
  if (contains(text, {"nvlink"}) && contains(text, {"pairs", "bridge"})) return GpuInterior::nvlink_pairs;
  return contains(text, {"nvlink", "xgmi", "infinity fabric"}) ? GpuInterior::nvlink_mesh : GpuInterior::pcie;
}

/// What joins two processors, as far as the text, in small letters, names them; else what was sold with the GPUs of that time.
Sockets sockets_of(const std::string& text, const Gpu* gpu) {
  if (contains(text, {"epyc", "amd"})) return Sockets::amd;
  if (contains(text, {"e5-", "qpi"})) return Sockets::qpi;
  if (contains(text, {"sapphire rapids", "emerald rapids"})) return Sockets::upi_2023;
  if (contains(text, {"xeon gold", "platinum", "upi"})) return Sockets::upi;
  return sockets_sold_with(gpu == nullptr ? 0 : gpu->compute_capability);
}

/// The generation in "pcie 3.0 x16", "pcie gen4" or "pci express 5", if one is named.
std::optional<int> pcie_generation_in(const std::string& text) {
  for (int generation = 1; generation <= 6; ++generation)
    for (const char* before : {"pcie ", "pcie gen", "pcie gen ", "pcie-", "pcie", "pci express ", "pci-e "})
      if (contains_word(text, cat(before, generation))) return generation;
  return std::nullopt;
}

GpuWiring wiring_from(const CsvTable& table, std::size_t row, const Gpu* gpu) {
  const std::string inside = lower_case(table.text(row, "intra_node_link"));
  const std::string everything = inside + "; " + lower_case(table.text(row, "notes"));
  GpuWiring wiring;
  wiring.devices_per_node = static_cast<int>(std::clamp(table.number(row, "gpus_per_node").value_or(1), 1.0, 1e4));
  wiring.interior = interior_of(inside, wiring.devices_per_node);
  wiring.pcie_generation = pcie_generation_in(everything).value_or(3);
  if (gpu != nullptr) {
    if (!pcie_generation_in(everything)) wiring.pcie_generation = gpu->pcie_generation;
    wiring.peer_to_peer = gpu->peer_to_peer;
    const int generation = nvlink_generation(gpu->compute_capability);
    const double rate_GBps = table.number(row, "intra_node_bw_per_gpu_per_direction_GB_per_s").value_or(0);
    if (wiring.interior != GpuInterior::pcie && wiring.interior != GpuInterior::alone && generation > 0 && rate_GBps > 0 &&
        rate_GBps < 1e5) {
      wiring.nvlink_generation = generation;
      wiring.nvlinks = static_cast<int>(std::lround(rate_GBps * GB / nvlink_sheet_bytes_per_s(generation)));
    } else if (wiring.interior != GpuInterior::alone) {
      wiring.interior = GpuInterior::pcie;
    }
    wiring.in_switch_reduction = wiring.interior == GpuInterior::nvlink_switch && gpu->compute_capability >= 90 && !gpu->is_amd();
  }
  wiring.pcie_switches = contains(everything, {"plx", "pcie switch", "pcie 3.0 switch", "pcie 4.0 switch"});
  wiring.two_sockets =
      contains(everything, {"two sockets", "dual xeon", "dual epyc", "dual socket", "dual-socket", "per socket"});
  if (wiring.two_sockets) wiring.socket_bytes_per_s = socket_rate(sockets_of(everything, gpu));
  wiring.fabric = fabric_of(lower_case(table.text(row, "inter_node_link")));
  wiring.nics = static_cast<int>(std::clamp(table.number(row, "nics_per_node").value_or(1), 1.0, 1e3));
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
  device.memory_bytes = static_cast<std::int64_t>(std::clamp(table.number(row, "gpu_mem_GB").value_or(0), 0.0, 1e6) * GiB);
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
  for (const double Gbit_per_s : numbers_in(table.text(row, "nic_Gbit_per_s"))) hardware.nic_choices.push_back(Gbit_per_s * Gbit);
  if (!hardware.nic_choices.empty()) hardware.wiring.nic_bytes_per_s = hardware.nic_choices.front();
  if (hardware.gpu_name.empty() || contains(lower_case(hardware.gpu_name), {"not stated", "not used", "unknown"})) {
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
  const std::string text = lower_case(words);
  const bool fast = contains(text, {"infiniband", "rdma", "100ib", "56g", "100g", "200g"}) || has_word(text, "ib");
  const auto [slowest, fastest] = std::minmax_element(hardware.nic_choices.begin(), hardware.nic_choices.end());
  wiring.nic_bytes_per_s = fast ? *fastest : *slowest;
  wiring.fabric = fast && contains(lower_case(hardware.network), {"infiniband"}) ? FabricKind::infiniband : FabricKind::tcp;
  return wiring;
}

}  // namespace convoy
