#include "reference/cuda/emulator/device.h"

#include "reference/core/error.h"
#include "reference/cuda/emulator/session.h"

// What kernels call. Each is a function of its own and never inlined, so that its return address is a line of the kernel.
namespace convoy::cuda::emulator {
namespace {

/// The atomic operations: nothing else runs meanwhile.
template <class T, class Change>
T change(T* at, const void* place, const Change& to) {
  Session& s = session();
  s.access({reinterpret_cast<std::uintptr_t>(at), sizeof(T), true, place}, true);
  s.count_atomic();
  const T before = *at;
  *at = to(before);
  return before;
}

/// What a lane shows the others of its warp.
struct Fragments {
  const std::uint32_t* a;
  const std::uint32_t* b;
};

float tf32(std::uint32_t bits) {
  bits &= ~0x1fffU;  // tensor cores look at no more
  float value = 0;
  __builtin_memcpy(&value, &bits, sizeof(value));
  return value;
}

}  // namespace

#define HERE __builtin_return_address(0)

Extent thread_index() { return session().me().index; }
Extent block_index() { return session().block_index(); }
Extent block_extent() { return session().block_extent(); }
Extent grid_extent() { return session().grid_extent(); }
int lane_index() { return session().lane(); }
void* here() { return HERE; }

void __syncthreads() { session().wait_for_block(HERE); }
void __syncwarp(unsigned mask) { session().wait_for_warp(mask, 0, HERE); }

std::uint64_t exchange(unsigned mask, std::uint64_t mine, int from, void* place) {
  Session& s = session();
  s.wait_for_warp(mask, mine, place);
  return from >= 0 && from < kWarp ? s.me().got[static_cast<std::size_t>(from)] : mine;
}

unsigned vote(unsigned mask, bool flag, void* place) {
  Session& s = session();
  s.wait_for_warp(mask, flag ? 1 : 0, place);
  unsigned bits = 0;
  for (unsigned lane = 0; lane < kWarp; ++lane)
    if ((mask >> lane & 1U) != 0 && s.me().got[lane] != 0) bits |= 1U << lane;
  return bits;
}

int atomicAdd(int* at, int value) {
  return change(at, HERE, [&](int before) { return static_cast<int>(static_cast<unsigned>(before) + static_cast<unsigned>(value)); });
}
unsigned atomicAdd(unsigned* at, unsigned value) { return change(at, HERE, [&](unsigned before) { return before + value; }); }
float atomicAdd(float* at, float value) { return change(at, HERE, [&](float before) { return before + value; }); }
double atomicAdd(double* at, double value) { return change(at, HERE, [&](double before) { return before + value; }); }
int atomicMax(int* at, int value) { return change(at, HERE, [&](int before) { return before > value ? before : value; }); }
int atomicMin(int* at, int value) { return change(at, HERE, [&](int before) { return before < value ? before : value; }); }
int atomicExch(int* at, int value) { return change(at, HERE, [&](int) { return value; }); }
int atomicCAS(int* at, int expected, int value) {
  return change(at, HERE, [&](int before) { return before == expected ? value : before; });
}

float4 load4(const float* from) {
  session().access({reinterpret_cast<std::uintptr_t>(from), sizeof(float4), false, HERE}, false);
  return {from[0], from[1], from[2], from[3]};
}
void store4(float* to, float4 values) {
  session().access({reinterpret_cast<std::uintptr_t>(to), sizeof(float4), true, HERE}, false);
  to[0] = values.x;
  to[1] = values.y;
  to[2] = values.z;
  to[3] = values.w;
}

std::uint32_t to_tf32(float value) {
  std::uint32_t bits = 0;
  __builtin_memcpy(&bits, &value, sizeof(bits));
  return (bits + 0x1000U) & ~0x1fffU;
}

// Layout of fragments, PTX ISA "mma.m16n8k8 with .tf32": with g = lane / 4 and t = lane % 4,
//   a[0] = A[g][t]  a[1] = A[g + 8][t]  a[2] = A[g][t + 4]  a[3] = A[g + 8][t + 4]      b[0] = B[t][g]  b[1] = B[t + 4][g]
//   d[0] = D[g][2 t]  d[1] = D[g][2 t + 1]  d[2] = D[g + 8][2 t]  d[3] = D[g + 8][2 t + 1]
void mma_m16n8k8(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  Session& s = session();
  const Fragments mine{a, b};
  s.wait_for_warp(kAllLanes, reinterpret_cast<std::uintptr_t>(&mine), HERE);
  const auto all = s.me().got;
  const auto lane_of = [&](int lane) { return reinterpret_cast<const Fragments*>(all[static_cast<std::size_t>(lane)]); };
  const int g = s.lane() / 4;
  const int t = s.lane() % 4;
  for (int i = 0; i < 4; ++i) {
    const int row = g + (i < 2 ? 0 : 8);
    const int column = 2 * t + i % 2;
    for (int k = 0; k < 8; ++k) {
      const std::uint32_t left = lane_of((row % 8) * 4 + k % 4)->a[row / 8 + (k < 4 ? 0 : 2)];
      const std::uint32_t right = lane_of(column * 4 + k % 4)->b[k / 4];
      d[i] += tf32(left) * tf32(right);
    }
  }
  s.wait_for_warp(kAllLanes, 0, HERE);  // until all have looked
}

}  // namespace convoy::cuda::emulator
