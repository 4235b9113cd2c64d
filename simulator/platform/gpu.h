/// GPUs: what the time of a kernel depends on besides peaks: how many multiprocessors share the work, which tensor cores they
/// have.
#pragma once

#include <string_view>
#include <vector>

namespace convoy {

/// One row of the table of GPUs. Peaks and memory are those of a Device or of a data sheet; these are facts of the chip.
struct Gpu {
  std::string_view name;       ///< words that a product's name has, "RTX 2080 Ti"
  int compute_capability = 0;  ///< 70: Volta, 80: Ampere, 90: Hopper, 100: Blackwell; AMD's gfx90a and gfx942 are 910 and 942
  int sms = 0;                 ///< multiprocessors (AMD: compute units) that are switched on
  double l2_bytes = 0;
  int pcie_generation = 3;
  bool peer_to_peer = true;  ///< over PCIe; GeForce since Turing has it switched off
  std::string_view source;
  /// Precisions that tensor cores take: fp16 since Volta, tf32 and bf16 since Ampere.
  [[nodiscard]] bool has_tensor_cores() const { return compute_capability >= 70; }
  [[nodiscard]] bool has_tf32() const { return compute_capability >= 80 && compute_capability != 910; }
  [[nodiscard]] bool is_amd() const { return compute_capability >= 900; }
};

const std::vector<Gpu>& gpu_table();
/// The GPU that a product's or a device's name means: the row with the most words, all of which are in the name, whatever stands
/// between them ("V100-SXM2-16GB" and "Tesla V100-SXM2-16GB" are V100). Null when there is none.
const Gpu* find_gpu(std::string_view name);

}  // namespace convoy
