#include "reference/collectives/span.h"

#include "reference/collectives/folded.h"
#include "reference/core/error.h"

namespace convoy {

std::string needs_one_part(const CollectiveRequest& request) {
  if (request.channels == 1 && request.chunks == 1) return "";
  return cat("it sends several shards in one message, so it has 1 channel and 1 chunk, not ", request.channels, " and ",
             request.chunks);
}

std::string needs_power_of_two(const CollectiveRequest& request) {
  if (Folded(request.world_size).extra > 0) return cat("it needs a power of two, and there are ", request.world_size, " ranks");
  return needs_one_part(request);
}

std::vector<Stretch> exchanges_of_shards(const CollectiveRequest& request, int (*distance)(int world_size, int k), bool adds) {
  const int n = request.world_size;
  if (!request.bounds.empty() || request.count < n) return {};
  std::vector<Stretch> stretches;
  for (int k = 0; k < Folded(n).levels; ++k) {
    const int size = distance(n, k);  // as many shards as the peer is ranks away; those at the end are the largest
    stretches.push_back(exchange_with(size, 1, span_of_shards(request, n - size, size).count, adds));
  }
  return stretches;
}

double doubling_time_s(const CollectiveRequest& request, double bytes, const LinkModel& link) {
  const int n = request.world_size;
  return Folded(n).levels * link.latency_s + bytes * (n - 1) / n / link.bandwidth_bytes_per_s;
}

}  // namespace convoy
