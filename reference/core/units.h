/// Units: constants for code, and reading and writing of quantities with their unit.
/// Inside the program everything is bytes, seconds, bytes/s and FLOP/s; text always carries its unit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace convoy {

inline constexpr double kB = 1e3, MB = 1e6, GB = 1e9;
inline constexpr double KiB = 1024.0, MiB = 1024.0 * KiB, GiB = 1024.0 * MiB;
inline constexpr double Gbit = 1e9 / 8.0;  ///< bytes in a gigabit, so 100 * Gbit is 100 Gbit/s in bytes/s
inline constexpr double ns = 1e-9, us = 1e-6, ms = 1e-3;

/// "64KiB", "100MB", "512", "1.5 GiB" -> bytes. A plain number is bytes. Throws InputError.
std::int64_t parse_bytes(std::string_view text);
/// "5us", "0.5 ms", "2s" -> seconds. A number without a unit is an InputError.
double parse_time_s(std::string_view text);
/// "100Gbit/s", "25 GB/s", "12GiB/s" -> bytes per second. A number without a unit is an InputError.
double parse_bandwidth_bytes_per_s(std::string_view text);
/// "15.7TFLOP/s", "30 GFLOP/s" -> FLOP per second. A number without a unit is an InputError.
double parse_flops_per_s(std::string_view text);

std::string format_bytes(double bytes);            ///< "1.23 MB"; powers of 1000, three digits
std::string format_time(double time_s);            ///< "12.3 us"
std::string format_bandwidth(double bytes_per_s);  ///< "24.9 GB/s"
std::string format_flops(double flops);            ///< "30.9 GFLOP"

}  // namespace convoy
