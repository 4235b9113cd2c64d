#include "reference/cpu/ladder/measure.h"

#include <time.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "reference/cpu/blocked/vector.h"

namespace convoy::cpu::ladder {
namespace {

double thread_time_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

constexpr int kSums = 12;  // enough to fill the pipelines of two multipliers, and fewer than there are registers

/// sums += a * b, kSums * rounds times. Not inlined, so that nothing is left out.
__attribute__((noinline)) void multiply_add(blocked::Vec (&sums)[kSums], blocked::Vec a, blocked::Vec b, int rounds) {
  blocked::Vec local[kSums];
  std::copy_n(sums, kSums, local);
  for (int round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) local[i] += a * b;
    __asm__ volatile("" : "+x"(a));  // another a every time, as far as the compiler knows
  }
  std::copy_n(local, kSums, sums);
}

}  // namespace

double fastest_s(double budget_s, const std::function<void()>& call) {
  call();
  double best = std::numeric_limits<double>::infinity();
  double spent = 0;
  for (int i = 0; i < 3 || spent < budget_s; ++i) {
    const double start = thread_time_s();
    call();
    const double time_s = thread_time_s() - start;
    best = std::min(best, time_s);
    spent += std::max(time_s, 1e-7);
    if (spent > 10 * budget_s) break;
  }
  return best;
}

double peak_flops_per_s() {
  constexpr int rounds = 20000;
  blocked::Vec sums[kSums] = {};
  const blocked::Vec a = blocked::Vec{} + 1e-3F;
  const double time_s = fastest_s(0.2, [&] { multiply_add(sums, a, a, rounds); });
  return 2.0 * 16 * kSums * rounds / time_s;
}

double memory_bandwidth_bytes_per_s() {
  constexpr std::size_t bytes = std::size_t{64} << 20U;
  const std::vector<char> from(bytes, 1);
  std::vector<char> to(bytes, 0);
  return 2.0 * static_cast<double>(bytes) / fastest_s(0.3, [&] { std::memcpy(to.data(), from.data(), bytes); });
}

}  // namespace convoy::cpu::ladder
