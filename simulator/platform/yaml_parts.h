/// What the reading of cluster files is made of, for the files of this folder: the quantities and what makes sense of them.
#pragma once

#include <string>
#include <vector>

#include "reference/io/yaml_map.h"
#include "simulator/platform/protocols.h"
#include "simulator/platform/topology.h"

namespace convoy {

/// Bandwidths, latencies: the limits are far beyond every machine, near enough to catch a wrong unit, and small enough for sums
/// and products to stay finite.
const Quantity& bandwidth_quantity();
const Quantity& latency_quantity();

/// What is no error and yet can hardly be meant, with file, line and column.
using Warnings = std::vector<std::string>;

/// What a link is, for what can be expected of it.
enum class LinkUse : unsigned char { device, nic, fabric, wide_area };

/// The values of `map`, which has bandwidth and latency. Adds a warning when no link of this use is like it.
LinkModel parse_link(const YamlMap& map, LinkUse use, Warnings& warnings);
/// The map of `key` in `map`.
LinkModel parse_link(const YamlMap& map, const std::string& key, LinkUse use, Warnings& warnings);

/// The same of a link that may have protocols and calibrated.
LinkModel parse_link(const YamlMap& map, const std::string& key, LinkUse use, Protocols& protocols, Warnings& warnings);

/// The value of topology: a kind, or a map.
Topology parse_topology(const YamlMap& root, Warnings& warnings);

}  // namespace convoy
