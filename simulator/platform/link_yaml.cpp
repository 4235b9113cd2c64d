/// Links in cluster files, and whether they make sense.
#include <array>

#include "reference/core/units.h"
#include "simulator/platform/yaml_parts.h"

namespace convoy {
namespace {

constexpr const char* kLinkExample = "{bandwidth: 100Gbit/s, latency: 3us}";

/// What is known of links of one use: beyond these numbers there was none in 2026.
struct Range {
  const char* what;
  double low_bytes_per_s;
  double high_bytes_per_s;
  double high_latency_s;
  const char* usual_bandwidth;
  const char* usual_latency;
};

/// devices: from half of PCI Express 1.0 x1 to NVLink 5 (900 GB/s) twice over. NICs: from 100 Mbit/s Ethernet to one port of
/// 800 Gbit/s, which is 100 GB/s. Cables between switches can be many together.
const Range& range_of(LinkUse use) {
  static const std::array<Range, 4> ranges = {{{"a link between devices", 0.1 * GB, 2000 * GB, 1 * ms, "150GB/s", "2us"},
                                               {"a NIC", 0.01 * GB, 99 * GB, 10 * ms, "100Gbit/s", "3us"},
                                               {"a link between nodes", 0.01 * GB, 10'000 * GB, 10 * ms, "100Gbit/s", "500ns"},
                                               {"a long link", 1e5, 10'000 * GB, 2, "10Gbit/s", "10ms"}}};
  return ranges[static_cast<std::size_t>(use)];
}

/// The same text with bits for bytes, "100GB/s" -> "100Gbit/s", or "".
std::string with_bits(std::string text) {
  const std::size_t at = text.find("B/s");
  if (at == std::string::npos || (at > 0 && text[at - 1] == 'i')) return "";
  return text.replace(at, 1, "bit");
}

const Quantity kMessage{[](std::string_view text) { return static_cast<double>(parse_bytes(text)); }, "8KiB", 1, 1e15, true};

}  // namespace

const Quantity& bandwidth_quantity() {
  static const Quantity quantity{parse_bandwidth_bytes_per_s, "100Gbit/s", 1, 1e15, true};
  return quantity;
}

const Quantity& latency_quantity() {
  static const Quantity quantity{parse_time_s, "2us", 0, 3600, true};
  return quantity;
}

LinkModel parse_link(const YamlMap& map, LinkUse use, Warnings& warnings) {
  const LinkModel link{.latency_s = map.quantity("latency", latency_quantity()),
                       .bandwidth_bytes_per_s = map.quantity("bandwidth", bandwidth_quantity())};
  const Range& range = range_of(use);
  const std::string bandwidth = map.text("bandwidth", range.usual_bandwidth);
  const auto warn = [&](const std::string& key, const std::string& value, const std::string& slip) {
    warnings.push_back(cat(map.position_of(key), key, ": ", value, " is hardly ", range.what, "; did you mean ", slip, "?"));
  };
  if (link.bandwidth_bytes_per_s > range.high_bytes_per_s) {
    const std::string bits = with_bits(bandwidth);
    const bool fits = !bits.empty() && parse_bandwidth_bytes_per_s(bits) <= range.high_bytes_per_s;
    warn("bandwidth", bandwidth, fits ? bits : range.usual_bandwidth);
  }
  if (link.bandwidth_bytes_per_s < range.low_bytes_per_s) warn("bandwidth", bandwidth, range.usual_bandwidth);
  if (link.latency_s > range.high_latency_s) warn("latency", map.text("latency", range.usual_latency), range.usual_latency);
  return link;
}

LinkModel parse_link(const YamlMap& map, const std::string& key, LinkUse use, Warnings& warnings) {
  return parse_link(map.map(key, {"bandwidth", "latency"}, kLinkExample), use, warnings);
}

LinkModel parse_link(const YamlMap& map, const std::string& key, LinkUse use, Protocols& protocols, Warnings& warnings) {
  const YamlMap link = map.map(key, {"bandwidth", "latency", "protocols", "calibrated"}, kLinkExample);
  if (link.has("protocols"))
    for (const YamlMap& range :
         link.maps("protocols", {"up_to", "bandwidth", "latency"}, "[{up_to: 8KiB, bandwidth: 2GB/s, latency: 5us}]")) {
      protocols.ranges.push_back({.up_to_bytes = range.quantity("up_to", kMessage),
                                  .link = {.latency_s = range.quantity("latency", latency_quantity()),
                                           .bandwidth_bytes_per_s = range.quantity("bandwidth", bandwidth_quantity())}});
      const std::size_t count = protocols.ranges.size();
      if (count > 1 && protocols.ranges[count - 1].up_to_bytes <= protocols.ranges[count - 2].up_to_bytes)
        range.fail("up_to", "protocols must be in order of size, and this one does not go further than the one before");
    }
  if (link.has("calibrated")) {
    const YamlMap sizes = link.map("calibrated", {"from", "to"}, "{from: 1KiB, to: 16MiB}");
    protocols.calibrated_from_bytes = sizes.quantity("from", kMessage);
    protocols.calibrated_to_bytes = sizes.quantity("to", kMessage);
    if (protocols.calibrated_to_bytes < protocols.calibrated_from_bytes)
      sizes.fail("to", "calibrated goes from a size to a larger one");
  }
  return parse_link(link, use, warnings);
}

}  // namespace convoy
