// expect: nothing overlaps
#include <algorithm>

#include "exercise.h"

namespace convoy::lesson {

/// All-reduces begin after the backward pass.
double last_all_reduce_end_s(const std::vector<Gradient>& gradients, std::int64_t bucket_bytes, double latency_s,
                             double bytes_per_s) {
  double end_s = 0;
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    bytes += gradients[i].bytes;
    if (!(bytes >= bucket_bytes || i + 1 == gradients.size())) continue;
    end_s = std::max(end_s, gradients.back().ready_s) + latency_s + static_cast<double>(bytes) / bytes_per_s;
    bytes = 0;
  }
  return end_s;
}

}  // namespace convoy::lesson
