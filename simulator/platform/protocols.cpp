#include "simulator/platform/protocols.h"

#include <algorithm>
#include <cmath>

namespace convoy {

double Protocols::beyond_s(double message_bytes, const LinkModel& link) const {
  for (const Protocol& protocol : ranges)
    if (message_bytes <= protocol.up_to_bytes)
      return std::max(protocol.link.time_s(message_bytes) - link.time_s(message_bytes), -link.latency_s);
  return 0;
}

double to_four_digits(double value) {
  if (!(value > 0)) return 0;
  const double unit = std::pow(10.0, std::floor(std::log10(value)) - 3);
  return unit < 1 ? std::round(value / unit) / std::round(1 / unit) : std::round(value / unit) * unit;
}

bool operator==(const Protocols& a, const Protocols& b) {
  const auto same = [](const Protocol& x, const Protocol& y) {
    return x.up_to_bytes == y.up_to_bytes && x.link.latency_s == y.link.latency_s &&
           x.link.bandwidth_bytes_per_s == y.link.bandwidth_bytes_per_s;
  };
  return std::equal(a.ranges.begin(), a.ranges.end(), b.ranges.begin(), b.ranges.end(), same) &&
         a.calibrated_from_bytes == b.calibrated_from_bytes && a.calibrated_to_bytes == b.calibrated_to_bytes;
}

}  // namespace convoy
