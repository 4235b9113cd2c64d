/// Rates: what running a cluster costs, in energy and money, as its file states it.
#pragma once

#include <string>

namespace convoy {

/// All 0 where the file says nothing.
struct Rates {
  double device_idle_w = 0;   ///< a device that computes nothing, W
  double device_busy_w = 0;   ///< one that computes
  double node_w = 0;          ///< a node besides its devices
  double joules_per_byte = 0;  ///< of what leaves a rank
  double price_per_device_hour = 0;
  std::string currency;  ///< "USD"
  std::string source;    ///< where the numbers are from
  [[nodiscard]] bool know_power() const { return device_busy_w > 0; }
  [[nodiscard]] bool know_price() const { return price_per_device_hour > 0; }
  friend bool operator==(const Rates&, const Rates&) = default;
};

/// "300W", "1.5kW" -> W. Throws InputError.
double parse_power_w(const std::string& text);
/// "10pJ/bit", "80pJ/B" -> J a byte. Throws InputError.
double parse_joules_per_byte(const std::string& text);
/// "3.06USD/h" -> 3.06 and "USD". Throws InputError.
struct Price {
  double per_hour = 0;
  std::string currency;
};
Price parse_price(const std::string& text);

std::string format_energy(double joules);  ///< "12.3 kJ", "2.78 MJ"; from 1 kWh (3.6 MJ) on in "kWh"

}  // namespace convoy
