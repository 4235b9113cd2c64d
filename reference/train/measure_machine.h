/// What one core of this machine can do.
#pragma once

#include <cstdint>

namespace convoy {

/// Bytes read plus bytes written in a second when one thread copies a block far larger than the caches; the fastest of several
/// copies. A processor that reads a line before overwriting it moves half as much again.
double measure_memory_bandwidth_bytes_per_s(std::int64_t bytes = 128 << 20, int repetitions = 5);

/// FLOP in a second of the fast matrix product (cpu::linear_forward, 512 samples, 1024 to 1024 features) on one thread; the
/// fastest of several.
double measure_peak_flops_per_s(int repetitions = 8);

}  // namespace convoy
