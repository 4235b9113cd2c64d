/// wgmma, the tensor cores of compute capability 9.0 (Hopper), and of no other: four warps multiply matrices that lie in shared memory, and
/// go on meanwhile. Compiled for 90a only; elsewhere these trap, and launchers must not come here (Rung::one_chip).
///
/// Order, for all 128 threads alike: write tiles, warpgroup_publish(), __syncthreads(), warpgroup_begin(), warpgroup_multiply() as
/// often as wanted, warpgroup_commit(), warpgroup_wait(). In between, nobody touches the sums, and nobody writes the tiles. The compiler
/// does not know that sums are still being made behind an instruction that names them; begin and wait name them too, so that it moves no
/// use of them in between.
#pragma once

#include "reference/cuda/platform.cuh"

#ifdef __CUDACC__

namespace convoy::cuda::device {

/// An address in shared memory as descriptors have it.
__device__ __forceinline__ std::uint32_t shared_address(const void* at) { return static_cast<std::uint32_t>(__cvta_generic_to_shared(at)); }

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)

/// What this thread has written to shared memory can be seen by wgmma, once all have passed a barrier behind this.
__device__ __forceinline__ void warpgroup_publish() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
// The 32 sums of a thread as operands that are read and written.
#define CONVOY_SUMS(d)                                                                                                               \
  "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), \
      "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), \
      "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), \
      "+f"(d[31])

/// Sums that were set by other instructions can be added to.
__device__ __forceinline__ void warpgroup_begin(float (&d)[32]) { asm volatile("wgmma.fence.sync.aligned;" : CONVOY_SUMS(d)::"memory"); }

/// d += A B for 64 x 8 and 8 x 64 in tf32: asks for it. Warp w has rows 16 w to 16 w + 15; with g = lane / 4 and t = lane % 4,
/// d[4 j + e] is D[16 w + g + (e / 2) 8][8 j + 2 t + e % 2]. a, b: descriptors; B lies turned, a row for each of its columns.
__device__ __forceinline__ void warpgroup_multiply(float (&d)[32], std::uint64_t a, std::uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n64k8.f32.tf32.tf32 "
      "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31}, "
      "%32, %33, 1, 1, 1;"
      : CONVOY_SUMS(d)
      : "l"(a), "l"(b)
      : "memory");
}
/// Lets begin what was asked for.
__device__ __forceinline__ void warpgroup_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
/// Returns when all that was committed is done.
__device__ __forceinline__ void warpgroup_wait(float (&d)[32]) { asm volatile("wgmma.wait_group.sync.aligned 0;" : CONVOY_SUMS(d)::"memory"); }
#undef CONVOY_SUMS

#else

__device__ __forceinline__ void warpgroup_publish() { __trap(); }
__device__ __forceinline__ void warpgroup_begin(float (&)[32]) { __trap(); }
__device__ __forceinline__ void warpgroup_multiply(float (&)[32], std::uint64_t, std::uint64_t) { __trap(); }
__device__ __forceinline__ void warpgroup_commit() { __trap(); }
__device__ __forceinline__ void warpgroup_wait(float (&)[32]) { __trap(); }

#endif

}  // namespace convoy::cuda::device

#endif
