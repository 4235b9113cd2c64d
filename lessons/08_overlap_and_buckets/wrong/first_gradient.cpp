// expect: before all of its gradients are there
#include <algorithm>

#include "exercise.h"

namespace convoy::lesson {

/// A bucket begins with its first gradient.
double last_all_reduce_end_s(const std::vector<Gradient>& gradients, std::int64_t bucket_bytes, double latency_s,
                             double bytes_per_s) {
  double end_s = 0;
  std::int64_t bytes = 0;
  double first_ready_s = 0;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (bytes == 0) first_ready_s = gradients[i].ready_s;
    bytes += gradients[i].bytes;
    if (!(bytes >= bucket_bytes || i + 1 == gradients.size())) continue;
    end_s = std::max(end_s, first_ready_s) + latency_s + static_cast<double>(bytes) / bytes_per_s;
    bytes = 0;
  }
  return end_s;
}

}  // namespace convoy::lesson
