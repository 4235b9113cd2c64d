#include "reference/core/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <span>

#include "reference/core/error.h"

namespace convoy {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array kBytes = {Unit{"B", 1},     Unit{"kB", kB},   Unit{"KB", kB},   Unit{"MB", MB},   Unit{"GB", GB},
                               Unit{"TB", 1e12}, Unit{"KiB", KiB}, Unit{"MiB", MiB}, Unit{"GiB", GiB}, Unit{"TiB", 1024 * GiB}};
constexpr std::array kTimes = {Unit{"ns", ns}, Unit{"us", us}, Unit{"ms", ms}, Unit{"s", 1}};
constexpr std::array kBandwidths = {Unit{"bit/s", 0.125},  Unit{"kbit/s", 125},      Unit{"Mbit/s", 125e3}, Unit{"Gbit/s", Gbit},
                                    Unit{"Tbit/s", 125e9}, Unit{"B/s", 1},           Unit{"kB/s", kB},      Unit{"MB/s", MB},
                                    Unit{"GB/s", GB},      Unit{"TB/s", 1e12},       Unit{"KiB/s", KiB},    Unit{"MiB/s", MiB},
                                    Unit{"GiB/s", GiB},    Unit{"TiB/s", 1024 * GiB}};
constexpr std::array kFlops = {Unit{"FLOP/s", 1}, Unit{"MFLOP/s", 1e6}, Unit{"GFLOP/s", 1e9}, Unit{"TFLOP/s", 1e12},
                               Unit{"PFLOP/s", 1e15}};

/// One number and one of `units`, nothing else.
double parse_quantity(std::string_view what, std::string_view text, std::span<const Unit> units, std::string_view example,
                      bool unit_optional) {
  const auto fail = [&](std::string_view why) {
    std::string known;
    for (const Unit& unit : units) known += cat(known.empty() ? "" : ", ", unit.name);
    throw InputError(cat("'", text, "' is not a ", what, ": ", why, "; write a number and its unit, for example ", example,
                         " (units: ", known, ")"));
  };
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, status] = std::from_chars(text.data(), end, value);
  if (status != std::errc{}) fail("it does not start with a number");
  if (!std::isfinite(value) || value < 0) fail("it must be finite and not negative");
  std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  if (unit.empty()) {
    if (!unit_optional) fail("the unit is missing");
    return value;
  }
  for (const Unit& known : units)
    if (unit == known.name) return value * known.factor;
  fail(cat("unknown unit '", unit, "'"));
  return 0;
}

std::string scaled(double value, std::span<const Unit> units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units)
    if (std::abs(value) >= 0.9995 * unit.factor) best = &unit;  // which three digits round up to 1
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.3g", value / best->factor);
  if (std::abs(value / best->factor) >= 999.5) std::snprintf(text.data(), text.size(), "%.0f", value / best->factor);
  return best->name.empty() ? std::string(text.data()) : cat(text.data(), " ", best->name);
}

}  // namespace

std::int64_t parse_bytes(std::string_view text) {
  const double bytes = parse_quantity("number of bytes", text, kBytes, "64KiB", true);
  if (bytes > 9e18) throw InputError(cat("'", text, "' is more bytes than can be counted (9e18)"));
  if (bytes != std::floor(bytes)) throw InputError(cat("'", text, "' is not a whole number of bytes"));
  return static_cast<std::int64_t>(bytes);
}

double parse_time_s(std::string_view text) { return parse_quantity("time", text, kTimes, "5us", false); }

double parse_bandwidth_bytes_per_s(std::string_view text) {
  return parse_quantity("bandwidth", text, kBandwidths, "100Gbit/s", false);
}

double parse_flops_per_s(std::string_view text) {
  return parse_quantity("rate of computing", text, kFlops, "15.7TFLOP/s", false);
}

std::string format_bytes(double bytes) {
  constexpr std::array units = {Unit{"B", 1}, Unit{"kB", 1e3}, Unit{"MB", 1e6}, Unit{"GB", 1e9}, Unit{"TB", 1e12}};
  return scaled(bytes, units);
}
std::string format_time(double time_s) {
  constexpr double nothing_s = 1e-13;  // what rounding leaves of sums of seconds
  return scaled(std::abs(time_s) < nothing_s ? 0 : time_s, kTimes);
}
std::string format_bandwidth(double bytes_per_s) {
  constexpr std::array units = {Unit{"B/s", 1}, Unit{"kB/s", 1e3}, Unit{"MB/s", 1e6}, Unit{"GB/s", 1e9}, Unit{"TB/s", 1e12}};
  return scaled(bytes_per_s, units);
}
std::string format_flops(double flops) {
  constexpr std::array units = {Unit{"FLOP", 1},    Unit{"kFLOP", 1e3},  Unit{"MFLOP", 1e6},
                                Unit{"GFLOP", 1e9}, Unit{"TFLOP", 1e12}, Unit{"PFLOP", 1e15}};
  return scaled(flops, units);
}

}  // namespace convoy
