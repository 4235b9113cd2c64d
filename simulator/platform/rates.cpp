#include "simulator/platform/rates.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "reference/core/error.h"

namespace convoy {
namespace {

struct Amount {
  double value = 0;
  std::string unit;
};

/// A number that is finite and not negative, and what stands behind it.
Amount parse_amount(const std::string& text, const char* what, const char* example) {
  Amount amount;
  const char* end = text.data() + text.size();
  const auto [rest, status] = std::from_chars(text.data(), end, amount.value);
  if (status != std::errc() || !std::isfinite(amount.value) || amount.value < 0)
    throw InputError(cat("'", text, "' is not ", what, "; write a number and its unit, for example ", example));
  amount.unit.assign(rest, end);
  amount.unit.erase(0, amount.unit.find_first_not_of(' '));
  return amount;
}

}  // namespace

double parse_power_w(const std::string& text) {
  const Amount amount = parse_amount(text, "a power", "300W");
  if (amount.unit == "W") return amount.value;
  if (amount.unit == "kW") return amount.value * 1e3;
  throw InputError(cat("'", text, "' is not a power: unknown unit '", amount.unit, "'; write W or kW, for example 300W"));
}

double parse_joules_per_byte(const std::string& text) {
  const Amount amount = parse_amount(text, "an energy for what is sent", "10pJ/bit");
  constexpr double kBitsOfByte = 8;
  if (amount.unit == "pJ/bit") return amount.value * 1e-12 * kBitsOfByte;
  if (amount.unit == "nJ/bit") return amount.value * 1e-9 * kBitsOfByte;
  if (amount.unit == "pJ/B") return amount.value * 1e-12;
  if (amount.unit == "nJ/B") return amount.value * 1e-9;
  throw InputError(cat("'", text, "' is not an energy for what is sent: unknown unit '", amount.unit,
                       "'; write pJ/bit, nJ/bit, pJ/B or nJ/B, for example 10pJ/bit"));
}

Price parse_price(const std::string& text) {
  const Amount amount = parse_amount(text, "a price", "3.06USD/h");
  const std::string& unit = amount.unit;
  const bool by_hour = unit.size() > 2 && unit.ends_with("/h");
  const std::string currency = by_hour ? unit.substr(0, unit.size() - 2) : "";
  if (currency.empty() || !std::all_of(currency.begin(), currency.end(), [](unsigned char c) { return std::isalpha(c) != 0; }))
    throw InputError(cat("'", text, "' is not a price; write a number, a currency and /h, for example 3.06USD/h"));
  return {amount.value, currency};
}

std::string format_energy(double joules) {
  constexpr double kWattHour = 3600;
  if (joules == 0) return "0 J";
  struct Unit {
    double factor;
    const char* name;
  };
  constexpr std::array units = {Unit{1e-6, "uJ"},
                                Unit{1e-3, "mJ"},
                                Unit{1, "J"},
                                Unit{1e3, "kJ"},
                                Unit{1e6, "MJ"},
                                Unit{1e3 * kWattHour, "kWh"},
                                Unit{1e6 * kWattHour, "MWh"}};
  const Unit* best = &units.front();
  for (const Unit& unit : units)
    if (joules >= unit.factor) best = &unit;
  const double value = joules / best->factor;
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), value >= 999.5 ? "%.0f %s" : "%.3g %s", value, best->name);
  return text.data();
}

}  // namespace convoy
