#include "simulator/platform/simgrid_file.h"

#include <charconv>
#include <map>
#include <vector>

#include "reference/core/error.h"
#include "simulator/platform/cluster.h"

namespace convoy {
namespace {

constexpr double kWide_bytes_per_s = 1e18;

/// The shortest text that is read as the same number.
std::string exact(double value) {
  char text[64];
  const auto end = std::to_chars(std::begin(text), std::end(text), value).ptr;
  return {std::begin(text), end};
}

/// Names may hold what XML takes for its own.
std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) safe += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '"' ? "&quot;" : std::string(1, c);
  return safe;
}

/// A comment must not hold what could end it.
std::string in_comment(const std::string& name) { return name.find("--") == std::string::npos ? escaped(name) : "a cluster"; }

std::string link_tag(const std::string& name, double bytes_per_s, double latency_s, const char* sharing) {
  return cat("  <link id=\"", escaped(name), "\" bandwidth=\"", exact(bytes_per_s), "Bps\" latency=\"", exact(latency_s),
             "s\" sharing_policy=\"", sharing, "\"/>\n");
}

/// A host that draws `idle_w` and, while it computes, `busy_w`; of none where both are 0.
std::string host_tag(const std::string& name, double flops_per_s, double idle_w, double busy_w) {
  const std::string host = cat("  <host id=\"", name, "\" speed=\"", exact(flops_per_s), "f\"");
  if (busy_w <= 0) return host + "/>\n";
  return cat(host, "><prop id=\"wattage_per_state\" value=\"", exact(idle_w), ":", exact(busy_w), ":", exact(busy_w),
             "\"/><prop id=\"wattage_off\" value=\"0\"/></host>\n");
}

double peak_flops_per_s(const Device& device) {
  if (const auto fp32 = device.peak_flops_per_s.find("fp32"); fp32 != device.peak_flops_per_s.end()) return fp32->second;
  return device.peak_flops_per_s.empty() ? 1e9 : device.peak_flops_per_s.begin()->second;
}

/// The nodes of the kind that a rank's node is of.
const Cluster& nodes_of_rank(const Cluster& cluster, int rank) {
  int end = cluster.nodes * cluster.devices_per_node;
  const Cluster* nodes = &cluster;
  for (const Cluster& other : cluster.others) {
    if (rank < end) break;
    nodes = &other;
    end += other.nodes * other.devices_per_node;
  }
  return *nodes;
}

/// Routes of all pairs, and what they are made of.
class Routes {
 public:
  Routes(const Network& network, int ranks) : used_(static_cast<std::size_t>(network.links_of_first(ranks)), false) {
    std::vector<int> links;
    for (int from = 0; from < ranks; ++from)
      for (int to = 0; to < ranks; ++to) {
        text_ += cat("  <route src=\"rank", from, "\" dst=\"rank", to, "\" symmetrical=\"NO\">");
        network.route(from, to, links);
        for (const int link : links) {
          used_[static_cast<std::size_t>(link)] = true;
          add(network.link_name(link));
        }
        add(from == to ? "loopback" : cat("latency", number_of(network.path(from, to).latency_s)));
        text_ += "</route>\n";
      }
  }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string links(const Network& network) const {
    std::string all = link_tag("loopback", kWide_bytes_per_s, 0, "FATPIPE");
    for (std::size_t link = 0; link < used_.size(); ++link)
      if (const int number = static_cast<int>(link); used_[link])
        all += link_tag(network.link_name(number), network.bandwidth_bytes_per_s(number), 0, "SHARED");
    for (const auto& [latency_s, number] : latencies_)
      all += link_tag(cat("latency", number), kWide_bytes_per_s, latency_s, "FATPIPE");
    return all;
  }

 private:
  void add(const std::string& link) { text_ += cat("<link_ctn id=\"", escaped(link), "\"/>"); }
  int number_of(double latency_s) { return latencies_.try_emplace(latency_s, static_cast<int>(latencies_.size())).first->second; }

  std::string text_;
  std::vector<bool> used_;
  std::map<double, int> latencies_;
};

}  // namespace

std::string to_simgrid_file(const Cluster& cluster, int ranks) {
  require(ranks >= 1, "to_simgrid_file", ranks, " ranks");
  if (ranks > kMostRanksInSimgridFile)
    throw LimitError(cat("a platform file lists every pair of ranks, and for ", ranks, " that is too much; there can be one for ",
                         kMostRanksInSimgridFile, " ranks at most"));
  const Cluster used = for_ranks(cluster, ranks);
  require_ranks(used, ranks);
  const Network network(used);
  const Routes routes(network, ranks);
  std::string text =
      cat("<?xml version=\"1.0\"?>\n<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
          "<!-- ",
          ranks, " ranks of ", in_comment(used.name),
          ". Written by convoy cluster export. -->\n"
          "<platform version=\"4.1\">\n<zone id=\"convoy\" routing=\"Full\">\n");
  for (int rank = 0; rank < ranks; ++rank)
    text += host_tag(cat("rank", rank), peak_flops_per_s(nodes_of_rank(used, rank).device), used.rates.device_idle_w,
                     used.rates.device_busy_w);
  for (int node = 0; used.rates.node_w > 0 && node <= network.node_of(ranks - 1); ++node)
    text += host_tag(cat("node", node), 1, used.rates.node_w, used.rates.node_w);
  return cat(text, routes.links(network), routes.text(), "</zone>\n</platform>\n");
}

std::string to_simgrid_host_file(int ranks) {
  std::string text;
  for (int rank = 0; rank < ranks; ++rank) text += cat("rank", rank, "\n");
  return text;
}

}  // namespace convoy
