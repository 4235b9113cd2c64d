// Kernels that multiply with a warpgroup, one right and the others with one mistake each. Compiled for the emulator.
#include "reference/cuda/ladder/gemm/warpgroup_tile.cuh"
#include "reference/cuda/runtime.h"
#include "reference/cuda/warpgroup.cuh"
#include "tests/cuda/planted.h"

namespace convoy::cuda::CONVOY_CUDA_SIDE {
namespace {

/// All but the first two are mistakes: with a fence behind the barrier each thread that asks has seen to it itself.
enum class Mistake { none, fence_behind_barrier, no_wait, overwritten, no_barrier, half_a_tile, other_layout, no_fence, late_fence };

/// d[64][64] = A B, with A[row][k] = row % 7 + k and B[k][column] = column % 5 - k.
__global__ void multiply(Mistake mistake, float* d) {
  alignas(1024) __shared__ float tiles[2][kGroupTileFloats];
  const int thread = static_cast<int>(threadIdx.x);
  if (mistake != Mistake::half_a_tile || thread < 32)
    for (int i = thread; i < 64 * 8; i += 128) {
      tiles[0][group_tile_index(i / 8, i % 8)] = static_cast<float>(i / 8 % 7 + i % 8);
      tiles[1][group_tile_index(i / 8, i % 8)] = static_cast<float>(i / 8 % 5 - i % 8);
    }
  const bool elsewhere = mistake == Mistake::no_fence || mistake == Mistake::late_fence || mistake == Mistake::fence_behind_barrier;
  if (!elsewhere) warpgroup_publish();
  if (mistake != Mistake::no_barrier) __syncthreads();
  if (mistake == Mistake::fence_behind_barrier) warpgroup_publish();
  float sums[32] = {};
  std::uint64_t left = group_tile_descriptor(shared_address(tiles[0]), 0);
  const std::uint64_t right = group_tile_descriptor(shared_address(tiles[1]), 0);
  if (mistake == Mistake::other_layout) left ^= std::uint64_t{3} << 62;
  warpgroup_begin(sums);
  warpgroup_multiply(sums, left, right);
  warpgroup_commit();
  if (mistake == Mistake::late_fence) warpgroup_publish();
  if (mistake == Mistake::no_wait) return;
  if (mistake == Mistake::overwritten) tiles[0][group_tile_index(thread % 64, 0)] = 0;
  warpgroup_wait(sums);
  for (int i = 0; i < 32; ++i) {
    const int row = thread / 32 * 16 + thread % 32 / 4 + i % 4 / 2 * 8;
    d[row * 64 + i / 4 * 8 + thread % 4 * 2 + i % 2] = sums[i];
  }
}

}  // namespace

std::vector<float> run_planted_warpgroup(Mistake mistake) {
  std::vector<float> values(64 * 64);
  auto* d = static_cast<float*>(allocate(4 * 64 * 64, "d"));
  launch("multiply", dim3{1, 1, 1}, dim3{128, 1, 1}, multiply, mistake, d);
  download(values.data(), d, 4 * 64 * 64);
  release(d);
  return values;
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE

namespace convoy::test {

std::vector<float> run_planted_warpgroup(const std::string& name) {
  using cuda::emulated::Mistake;
  const std::pair<const char*, Mistake> rows[] = {{"right", Mistake::none},
                                                  {"fence_behind_barrier", Mistake::fence_behind_barrier},
                                                  {"no_wait", Mistake::no_wait},
                                                  {"overwritten", Mistake::overwritten},
                                                  {"no_barrier", Mistake::no_barrier},
                                                  {"half_a_tile", Mistake::half_a_tile},
                                                  {"other_layout", Mistake::other_layout},
                                                  {"no_fence", Mistake::no_fence},
                                                  {"late_fence", Mistake::late_fence}};
  for (const auto& [known, mistake] : rows)
    if (known == name) return cuda::emulated::run_planted_warpgroup(mistake);
  return {};
}

}  // namespace convoy::test
