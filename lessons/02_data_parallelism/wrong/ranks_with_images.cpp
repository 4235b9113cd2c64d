// expect: averages over all ranks, also those without an image
#include "exercise.h"

#include <algorithm>
#include <numeric>

namespace convoy::lesson {

/// Counts only the ranks that have images.
std::vector<double> loss_factors(const std::vector<std::int64_t>& images) {
  const auto total = static_cast<double>(std::accumulate(images.begin(), images.end(), std::int64_t{0}));
  const auto busy = static_cast<double>(std::count_if(images.begin(), images.end(), [](std::int64_t own) { return own > 0; }));
  std::vector<double> factors;
  for (const std::int64_t own : images) factors.push_back(busy * static_cast<double>(own) / total);
  return factors;
}

}  // namespace convoy::lesson
