#include "simulator/platform/bandwidth.h"

#include <unordered_map>

namespace convoy {

Throughput throughput(const Network& network, const std::vector<std::pair<int, int>>& pairs) {
  std::unordered_map<int, int> messages;  // by link
  std::vector<int> links;
  Throughput result;
  double longest_s = 0;  // a byte of each message
  for (const auto& [from, to] : pairs) {
    network.route(from, to, links);
    for (const int link : links) ++messages[link];
  }
  for (const auto& [link, count] : messages) {
    const double time_s = count / network.bandwidth_bytes_per_s(link);
    if (time_s < longest_s || (time_s == longest_s && link > result.busiest_link)) continue;
    longest_s = time_s;
    result = {.bytes_per_s = static_cast<double>(pairs.size()) / time_s, .busiest_link = link, .messages = count};
  }
  return result;
}

std::vector<std::pair<int, int>> pairs_across_halves(int ranks) {
  std::vector<std::pair<int, int>> pairs;
  for (int a = 0; a < ranks / 2; ++a)
    for (int b = ranks / 2; b < ranks; ++b) pairs.emplace_back(a, b);
  return pairs;
}

double bisection_bytes_per_s(const Network& network) {
  if (network.nodes() > 1) return topology_kind(network.topology().kind).bisection_bytes_per_s(network.fabric());
  return throughput(network, pairs_across_halves(network.ranks())).bytes_per_s;
}

}  // namespace convoy
