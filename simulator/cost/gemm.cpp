#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

#include "reference/core/units.h"
#include "simulator/cost/kernels.h"

namespace convoy {
namespace {

/// A tile of the result that a thread block computes, and what its main loop keeps of the best one's rate on vector units. There
/// a thread of a 128x128 block holds 8x8 results in registers and makes 64 multiply-adds of 16 numbers loaded; with 4x4 it makes
/// 16 of 8, and loads from shared memory take a third of the issue slots. (Volkov and Demmel 2008; Lai and Seznec 2013.) Tensor
/// cores are held up by the same through L2, which gemm_time_s counts.
struct Tile {
  int m, n;
  double fraction;
};
constexpr std::array<Tile, 8> kTiles = {Tile{256, 128, 1.0}, {128, 256, 1.0}, {128, 128, 1.0}, {128, 64, 0.95},
                                        {64, 128, 0.95},     {64, 64, 0.85},  {128, 32, 0.75}, {32, 32, 0.6}};
/// What cuDNN has for convolutions in fp32 on vector units, by the names of its kernels in public profiles (maxwell_, volta_ and
/// turing_scudnn_128x128, _128x64 and _128x32): 128 along the pixels, or along channels and taps where weights are made.
constexpr std::array<Tile, 3> kPixelTiles = {Tile{128, 128, 1.0}, {128, 64, 0.95}, {128, 32, 0.75}};
constexpr std::array<Tile, 3> kWeightTiles = {Tile{128, 128, 1.0}, {64, 128, 0.95}, {32, 128, 0.75}};
constexpr std::array<int, 7> kSplits = {1, 2, 4, 8, 16, 32, 64};

/// A block's first tile comes from memory and its last goes there: about two latencies of 0.6 us, with nothing to hide them
/// behind.
constexpr double kEnds_s = 1.2 * us;

double tiled_time_s(const Gemm& gemm, const Tile& tile, int split, const KernelMachine& machine) {
  const double sm_flops_per_s = machine.peak_flops_per_s / machine.gpu->sms;
  const double fraction = mainloop_fraction(machine) * (machine.tensor_cores ? 1.0 : tile.fraction);
  const double blocks = std::ceil(gemm.m / tile.m) * std::ceil(gemm.n / tile.n) * gemm.count * split;
  const double k = std::ceil(gemm.k / split / 8) * 8;
  const double waves = std::ceil(blocks / machine.gpu->sms);
  const double computing_s = waves * 2.0 * tile.m * tile.n * k / (sm_flops_per_s * fraction);
  const double l2_bytes = blocks * k * (tile.m + tile.n) * machine.element_bytes;
  const double l2_s = l2_bytes / (machine.memory_bytes_per_s * kL2OverDram);
  const double results = gemm.m * gemm.n * gemm.count;
  const double joining_s = split == 1 ? 0.0 : 2 * 4.0 * results * split / streaming_bytes_per_s(machine);
  return std::max(computing_s, l2_s) + kEnds_s + joining_s;
}

double best_time_s(const Gemm& gemm, std::span<const Tile> tiles, const KernelMachine& machine) {
  if (!(gemm.flops() > 0)) return 0;
  double best_s = std::numeric_limits<double>::infinity();
  for (const Tile& tile : tiles)
    for (const int split : kSplits)
      if (split == 1 || gemm.k / split >= 256) best_s = std::min(best_s, tiled_time_s(gemm, tile, split, machine));
  const double bytes = gemm.count * (gemm.m * gemm.k + gemm.k * gemm.n + gemm.m * gemm.n) * machine.element_bytes;
  return std::max(best_s, bytes / streaming_bytes_per_s(machine));
}

}  // namespace

double gemm_time_s(const Gemm& gemm, const KernelMachine& machine) { return best_time_s(gemm, kTiles, machine); }

double implicit_gemm_time_s(const Gemm& gemm, bool of_weights, const KernelMachine& machine) {
  if (machine.tensor_cores) return gemm_time_s(gemm, machine);
  return best_time_s(gemm, of_weights ? kWeightTiles : kPixelTiles, machine);
}

double mainloop_fraction(const KernelMachine& machine) {
  const int capability = machine.gpu->compute_capability;
  if (machine.tensor_cores) {
    // cuBLAS and CUTLASS on large products: V100 100 of 125 TFLOP/s (CUTLASS 1.1 charts), Turing and A100 about 85 and 80 %
    // (250 to 265 of 312); Hopper and Ada are held by power: 600 to 670 of 989 TFLOP/s (NVIDIA, H100 GEMM in CUTLASS 3 charts).
    // AMD states 654 to 708 of MI300X's 1,307 TFLOP/s as the most that its library reaches (ROCm blog "Measuring Max-Achievable
    // FLOPs", 2025, from memory). Blackwell, of which nothing was read, is taken as Hopper.
    if (machine.gpu->is_amd()) return 0.53;
    if (capability >= 90) return 0.65;
    if (capability == 89) return 0.7;
    return capability == 75 ? 0.85 : 0.8;
  }
  // Kepler needs pairs of independent instructions in every warp to fill 192 lanes from 4 schedulers: SGEMM of cuBLAS reaches 75
  // %. Maxwell to Turing: 90 to 95 % (Maxwell's SGEMM, cuBLAS 6.5 and later). GA10x and Ada share half of their lanes with
  // integer instructions, which take their part of the issue slots: 70 %.
  if (capability < 50) return 0.75;
  return capability == 86 || capability == 89 ? 0.7 : 0.9;
}

double streaming_bytes_per_s(const KernelMachine& machine) {
  // BabelStream (Deakin et al. 2018 and its tables): P100 and Maxwell about 75 to 78 %, V100 and A100 88 to 92 %, GDDR6 87 %. ECC
  // in GDDR5 (Kepler's and Maxwell's Tesla) lies in the memory itself and takes an eighth or more of its rate. GPUs of later
  // years and AMD's, of which nothing was read, are taken as V100 and A100.
  const int capability = machine.gpu->compute_capability;
  const double part = capability >= 70 ? 0.88 : capability >= 50 ? 0.78 : 0.7;
  return machine.memory_bytes_per_s * part;
}

double moving_time_s(double bytes, const KernelMachine& machine) {
  const double resident = machine.repeated && bytes > 0 ? std::min(1.0, machine.gpu->l2_bytes / bytes) : 0.0;
  return bytes / streaming_bytes_per_s(machine) * (1 - resident * (1 - 1 / kL2OverDram));
}

}  // namespace convoy
