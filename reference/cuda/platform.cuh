/// What kernel source needs of its platform: CUDA when nvcc compiles it, the emulator when the host compiler does.
///
/// A kernel file includes this and nothing of CUDA, and is written inside of namespace convoy::cuda::CONVOY_CUDA_SIDE, which is
/// `device` or `emulated`, so that one program can have both. Host code starts kernels with launch().
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#ifdef __CUDACC__

#include <cuda_runtime.h>

#define CONVOY_CUDA_SIDE device
#define CONVOY_UNROLL _Pragma("unroll")  // the loop behind it: arrays that it indexes can then be registers

namespace convoy::cuda::device {

/// Throws DeviceError naming the op unless `status` is cudaSuccess.
void check(cudaError_t status, const std::string& op);
/// The current stream of this host thread, which launch() uses.
cudaStream_t stream();

inline constexpr unsigned kAllLanes = 0xffffffffU;

/// Four floats at once; the address is a multiple of 16 bytes.
__device__ __forceinline__ float4 load4(const float* from) { return *reinterpret_cast<const float4*>(from); }
__device__ __forceinline__ void store4(float* to, float4 values) { *reinterpret_cast<float4*>(to) = values; }

/// To the nearest number with ten bits of mantissa, halves away from zero; bits of a float. Chips from 80 on.
__device__ __forceinline__ std::uint32_t to_tf32(float value) {
  std::uint32_t bits = 0;
#if __CUDA_ARCH__ >= 800
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
#else
  bits = __float_as_uint(value);
#endif
  return bits;
}

/// d += a b for matrices of 16x8 and 8x8 in tf32 that lie in the registers of a warp; reference/cuda/emulator/device.cpp says how.
/// Chips from 80 on; older ones trap.
__device__ __forceinline__ void mma_m16n8k8(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  (void)d, (void)a, (void)b;
  __trap();
#endif
}

/// Starts a kernel on stream(). A grid without blocks starts nothing. `op` is what an error names.
template <class... Parameters, class... Arguments>
void launch(const char* op, dim3 grid, dim3 block, void (*kernel)(Parameters...), Arguments... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  kernel<<<grid, block, 0, stream()>>>(static_cast<Parameters>(arguments)...);
  check(cudaGetLastError(), op);
}

}  // namespace convoy::cuda::device

#else

#include "reference/cuda/emulator/device.h"

#define CONVOY_CUDA_SIDE emulated
#define CONVOY_UNROLL

namespace convoy::cuda::emulated {

using namespace emulator;

/// Runs a kernel to its end. A grid without blocks runs nothing.
template <class... Parameters, class... Arguments>
void launch(const char* op, dim3 grid, dim3 block, void (*kernel)(Parameters...), Arguments... arguments) {
  if (grid.count() == 0) return;
  auto thread = [&] { kernel(static_cast<Parameters>(arguments)...); };
  emulator::launch(op, grid, block, [](void* of) { (*static_cast<decltype(thread)*>(of))(); }, &thread);
}

}  // namespace convoy::cuda::emulated

#endif

namespace convoy::cuda::CONVOY_CUDA_SIDE {

/// Blocks of `size` that cover `count`.
inline unsigned blocks_for(std::int64_t count, std::int64_t size) { return static_cast<unsigned>((count + size - 1) / size); }

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
