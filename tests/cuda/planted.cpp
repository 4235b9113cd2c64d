// Kernels for the tests of the emulator. The lines that it must name end in "// planted: NAME"; a second place in "// other: NAME".
#include "tests/cuda/planted.h"

#include "reference/cuda/platform.cuh"
#include "reference/cuda/runtime.h"

namespace convoy::cuda::CONVOY_CUDA_SIDE {
namespace {

__global__ void right(const float* x, float* y) {
  __shared__ float tile[64];
  const int t = static_cast<int>(threadIdx.x);
  tile[t] = x[t];
  __syncthreads();
  y[t] = tile[63 - t];
}

__global__ void missing_barrier(const float* x, float* y) {
  __shared__ float tile[64];
  const int t = static_cast<int>(threadIdx.x);
  tile[t] = x[t];       // other: missing_barrier
  y[t] = tile[63 - t];  // planted: missing_barrier
}

__global__ void race_of_writes(const float* x, float* y) {
  __shared__ float total[1];
  const int t = static_cast<int>(threadIdx.x);
  if (t < 2) total[0] = x[t];  // planted: race_of_writes
  __syncthreads();
  y[t] = total[0];
}

__global__ void race_in_a_warp(const float* x, float* y) {
  __shared__ float tile[64];
  const int t = static_cast<int>(threadIdx.x);
  tile[t] = x[t];  // other: race_in_a_warp
  y[t] = tile[t / 32 * 32 + (t + 1) % 32];  // planted: race_in_a_warp
}

__global__ void ordered_in_a_warp(const float* x, float* y) {
  __shared__ float tile[64];
  const int t = static_cast<int>(threadIdx.x);
  tile[t] = x[t];
  __syncwarp();
  y[t] = tile[t / 32 * 32 + (t + 1) % 32];
}

__global__ void late_write(const float* x, float* y) {
  __shared__ float tile[64];
  const int t = static_cast<int>(threadIdx.x);
  for (int turn = 0; turn < 2; ++turn) {
    tile[t] = x[t];  // planted: late_write
    __syncthreads();
    y[t] = tile[63 - t];  // other: late_write
  }
}

__global__ void out_of_bounds(const float* x, float* y) {
  const int t = static_cast<int>(threadIdx.x);
  y[t] = x[t + 10];  // planted: out_of_bounds
}

__global__ void out_of_bounds_below(const float* x, float* y) {
  const int t = static_cast<int>(threadIdx.x);
  y[t] = t == 0 ? x[t - 1] : 0;  // planted: out_of_bounds_below
}

__global__ void out_of_bounds_store(const float* x, float* y) {
  const int t = static_cast<int>(threadIdx.x);
  y[2 * t] = x[t];  // planted: out_of_bounds_store
}

__global__ void out_of_bounds_shared(const float* x, float* y) {
  __shared__ float tile[60];
  const int t = static_cast<int>(threadIdx.x);
  tile[t] = x[t];  // planted: out_of_bounds_shared
  __syncthreads();
  y[t] = tile[t % 60];
}

__global__ void far_away(const float* x, float* y) {
  const int t = static_cast<int>(threadIdx.x);
  y[t] = x[t * 1000000000LL];  // planted: far_away
}

__global__ void unwritten(const float* x, float* y) {
  const int t = static_cast<int>(threadIdx.x);
  y[t] = x[t] + y[63 - t];  // planted: unwritten
}

__global__ void unwritten_shared(const float* x, float* y) {
  __shared__ float tile[64];
  const int t = static_cast<int>(threadIdx.x);
  if (t != 7) tile[t] = x[t];
  __syncthreads();
  y[t] = tile[t];  // planted: unwritten_shared
}

__global__ void barrier_for_some(const float* x, float* y) {
  const int t = static_cast<int>(threadIdx.x);
  y[t] = x[t];
  if (t < 16) __syncthreads();  // planted: barrier_for_some
}

__global__ void two_barriers(const float* x, float* y) {
  const int t = static_cast<int>(threadIdx.x);
  y[t] = x[t];
  if (t < 16)
    __syncthreads();  // planted: two_barriers
  else
    __syncthreads();  // other: two_barriers
}

__global__ void shuffle_for_some(const float* x, float* y) {
  const int t = static_cast<int>(threadIdx.x);
  y[t] = x[t];
  if (t % 32 != 5) y[t] = __shfl_down_sync(kAllLanes, x[t], 1);  // planted: shuffle_for_some
}

__global__ void misaligned(const float* x, float* y) {
  const int t = static_cast<int>(threadIdx.x);
  if (t < 8) store4(y + 4 * t, load4(x + 4 * t + 1));  // planted: misaligned
}

__global__ void blocks_race(const float* x, float* y) {
  if (threadIdx.x == 0) y[0] = x[blockIdx.x];  // planted: blocks_race
}

__global__ void blocks_add(const float* x, float* y) {
  if (threadIdx.x == 0) atomicAdd(&y[blockIdx.x % 2], x[blockIdx.x]);
}

__global__ void stride_1(const float* x, float* y) {
  const int t = static_cast<int>(threadIdx.x);
  if (t < 32) y[t] = x[t];
}

__global__ void stride_2(const float* x, float* y) {
  const int t = static_cast<int>(threadIdx.x);
  if (t < 32) y[t] = x[2 * t];  // planted: stride_2
}

__global__ void down_columns(const float* x, float* y) {
  __shared__ float tile[32][32];
  const int t = static_cast<int>(threadIdx.x);
  if (t >= 32) return;
  for (int i = 0; i < 32; ++i) tile[i][t] = x[i];
  __syncwarp();
  float sum = 0;
  for (int i = 0; i < 32; ++i) sum += tile[t][i];  // planted: down_columns
  y[t] = sum;
}

__global__ void down_padded_columns(const float* x, float* y) {
  __shared__ float tile[32][33];
  const int t = static_cast<int>(threadIdx.x);
  if (t >= 32) return;
  for (int i = 0; i < 32; ++i) tile[i][t] = x[i];
  __syncwarp();
  float sum = 0;
  for (int i = 0; i < 32; ++i) sum += tile[t][i];
  y[t] = sum;
}

__global__ void votes(const float* x, float* y) {
  const int t = static_cast<int>(threadIdx.x);
  const unsigned odd = __ballot_sync(kAllLanes, t % 2 == 1);
  const bool any = __any_sync(kAllLanes, x[t] == 40.0F);
  const bool all = __all_sync(kAllLanes, x[t] < 32.0F);
  const float up = __shfl_up_sync(kAllLanes, x[t], 3);
  const float from_7 = __shfl_sync(kAllLanes, x[t], 7);
  y[t] = (odd == 0xaaaaaaaaU ? 1000.0F : 0.0F) + (any ? 2000.0F : 0.0F) + (all ? 4000.0F : 0.0F) + up + from_7;
}

/// y[row * 8 + column] of 8 x 8, the upper half of what tensor cores multiply: a[16][8] b[8][8] with a = x / 4, b = x.
__global__ void tensor_cores(const float* x, float* y) {
  const int t = static_cast<int>(threadIdx.x) % 4;
  const int g = static_cast<int>(threadIdx.x) / 4;
  if (threadIdx.x >= 32) return;
  const auto a = [&](int row, int k) { return to_tf32(row < 8 ? x[row * 8 + k] : 0.0F); };
  const std::uint32_t left[4] = {a(g, t), a(g + 8, t), a(g, t + 4), a(g + 8, t + 4)};
  const std::uint32_t right_side[2] = {to_tf32(x[t * 8 + g]), to_tf32(x[(t + 4) * 8 + g])};
  float sums[4] = {1, 2, 3, 4};
  mma_m16n8k8(sums, left, right_side);
  y[g * 8 + 2 * t] = sums[0];
  y[g * 8 + 2 * t + 1] = sums[1];
}

struct Planted {
  const char* name;
  void (*kernel)(const float* x, float* y);
  unsigned blocks = 1;
};
constexpr Planted kPlanted[] = {{"right", right},
                                {"missing_barrier", missing_barrier},
                                {"race_of_writes", race_of_writes},
                                {"race_in_a_warp", race_in_a_warp},
                                {"ordered_in_a_warp", ordered_in_a_warp},
                                {"late_write", late_write},
                                {"out_of_bounds", out_of_bounds},
                                {"out_of_bounds_below", out_of_bounds_below},
                                {"out_of_bounds_store", out_of_bounds_store},
                                {"out_of_bounds_shared", out_of_bounds_shared},
                                {"far_away", far_away},
                                {"unwritten", unwritten},
                                {"unwritten_shared", unwritten_shared},
                                {"barrier_for_some", barrier_for_some},
                                {"two_barriers", two_barriers},
                                {"shuffle_for_some", shuffle_for_some},
                                {"misaligned", misaligned},
                                {"blocks_race", blocks_race, 2},
                                {"blocks_add", blocks_add, 8},
                                {"stride_1", stride_1},
                                {"stride_2", stride_2},
                                {"down_columns", down_columns},
                                {"down_padded_columns", down_padded_columns},
                                {"votes", votes},
                                {"tensor_cores", tensor_cores}};

}  // namespace

std::vector<float> run_planted(const std::string& name, bool written) {
  std::vector<float> values(64);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  auto* x = static_cast<float*>(allocate(256, "x"));
  auto* y = static_cast<float*>(allocate(256, "y"));
  upload(x, values.data(), 256);
  if (written) fill(y, 0, 256);
  for (const Planted& each : kPlanted)
    if (each.name == name) launch(each.name, dim3{each.blocks, 1, 1}, dim3{64, 1, 1}, each.kernel, x, y);
  download(values.data(), y, 256);
  release(x);
  release(y);
  return values;
}

std::vector<std::string> planted_names() {
  std::vector<std::string> names;
  for (const Planted& each : kPlanted) names.emplace_back(each.name);
  return names;
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE

namespace convoy::test {

std::vector<float> run_planted(const std::string& name) { return cuda::emulated::run_planted(name, name == "blocks_add"); }
std::vector<std::string> planted_names() { return cuda::emulated::planted_names(); }

}  // namespace convoy::test
