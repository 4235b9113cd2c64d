/// CUDA's keywords and built-in functions for the host compiler: what kernel source sees when it is compiled for the emulator.
/// Include reference/cuda/platform.cuh instead, which chooses between this and CUDA.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "reference/cuda/emulator/emulator.h"

#define __global__ [[maybe_unused]] static
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
// Blocks run one after the other, so what a block shares is a static variable. The alignment leaves gaps that belong to nobody.
#define __shared__ alignas(128) static

namespace convoy::cuda::emulator {

using dim3 = Extent;

// ---- where a thread is. Constant for a fibre, and a kernel never changes its fibre.
[[gnu::const]] Extent thread_index();
[[gnu::const]] Extent block_index();
[[gnu::const]] Extent block_extent();
[[gnu::const]] Extent grid_extent();

#define threadIdx (::convoy::cuda::emulator::thread_index())
#define blockIdx (::convoy::cuda::emulator::block_index())
#define blockDim (::convoy::cuda::emulator::block_extent())
#define gridDim (::convoy::cuda::emulator::grid_extent())

// ---- barriers, shuffles and votes
inline constexpr unsigned kAllLanes = 0xffffffffU;

void __syncthreads();
void __syncwarp(unsigned mask = kAllLanes);
/// The 8 bytes that lane `from` gave; every lane of the mask gives its own. `from` beyond the warp gives one's own.
std::uint64_t exchange(unsigned mask, std::uint64_t mine, int from, void* place);
/// Bits of the lanes of the mask whose flag was set.
unsigned vote(unsigned mask, bool flag, void* place);
int lane_index();

template <class T>
inline T exchange_value(unsigned mask, T value, int from, void* place) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  __builtin_memcpy(&bits, &value, sizeof(T));
  bits = exchange(mask, bits, from, place);
  __builtin_memcpy(&value, &bits, sizeof(T));
  return value;
}

// Macros, so that the place in the report is that of the kernel.
#define CONVOY_HERE (::convoy::cuda::emulator::here())
void* here();
#define __shfl_sync(mask, value, from) (::convoy::cuda::emulator::exchange_value(mask, value, from, CONVOY_HERE))
#define __shfl_down_sync(mask, value, by) \
  (::convoy::cuda::emulator::exchange_value(mask, value, ::convoy::cuda::emulator::lane_index() + static_cast<int>(by), CONVOY_HERE))
#define __shfl_up_sync(mask, value, by) \
  (::convoy::cuda::emulator::exchange_value(mask, value, ::convoy::cuda::emulator::lane_index() - static_cast<int>(by), CONVOY_HERE))
#define __shfl_xor_sync(mask, value, by) \
  (::convoy::cuda::emulator::exchange_value(mask, value, ::convoy::cuda::emulator::lane_index() ^ static_cast<int>(by), CONVOY_HERE))
#define __ballot_sync(mask, flag) (::convoy::cuda::emulator::vote(mask, (flag), CONVOY_HERE))
#define __any_sync(mask, flag) (::convoy::cuda::emulator::vote(mask, (flag), CONVOY_HERE) != 0)
#define __all_sync(mask, flag) (::convoy::cuda::emulator::vote(mask, !(flag), CONVOY_HERE) == 0)

// ---- atomic operations; each returns what was there before
int atomicAdd(int* at, int value);
unsigned atomicAdd(unsigned* at, unsigned value);
float atomicAdd(float* at, float value);
double atomicAdd(double* at, double value);
int atomicMax(int* at, int value);
int atomicMin(int* at, int value);
int atomicExch(int* at, int value);
int atomicCAS(int* at, int expected, int value);

// ---- vectors of four floats, read and written at once
struct alignas(16) float4 {
  float x, y, z, w;
};
float4 load4(const float* from);
void store4(float* to, float4 values);

// ---- tensor cores
/// One multiplication of a 16x8 by an 8x8 matrix in tf32, added to d: PTX mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 with
/// its layout of fragments. Products of numbers rounded to tf32 are exact here and added in the order of k.
void mma_m16n8k8(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]);
/// To the nearest number with ten bits of mantissa, halves away from zero: PTX cvt.rna.tf32.f32.
std::uint32_t to_tf32(float value);

// ---- warpgroups: reference/cuda/warpgroup.cuh says what these are, warpgroup.cpp how far they are modelled
std::uint32_t shared_address(const void* at);
void warpgroup_publish();
void warpgroup_begin(float (&d)[32]);
void warpgroup_multiply(float (&d)[32], std::uint64_t a, std::uint64_t b);
void warpgroup_commit();
void warpgroup_wait(float (&d)[32]);

}  // namespace convoy::cuda::emulator
