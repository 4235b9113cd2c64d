/// Times and limits of one core: what a rung took, and what it could have taken.
#pragma once

#include <functional>

namespace convoy::cpu::ladder {

/// Seconds of this thread's processor time for one call, the least of several that take about `budget_s` in all, after one to
/// warm up. What other programs do on the core in the meantime does not count.
double fastest_s(double budget_s, const std::function<void()>& call);

/// FLOP/s of fused multiply-adds of sixteen floats that wait for nothing, two FLOPs each: the most this core can do.
double peak_flops_per_s();
/// Bytes read and written a second when copying 64 MiB.
double memory_bandwidth_bytes_per_s();

}  // namespace convoy::cpu::ladder
