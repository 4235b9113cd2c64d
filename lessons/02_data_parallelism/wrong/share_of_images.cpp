// expect: the library divides by the number of ranks
#include "exercise.h"

#include <numeric>

namespace convoy::lesson {

/// Each rank's share of the images, as if ranks added their gradients.
std::vector<double> loss_factors(const std::vector<std::int64_t>& images) {
  const auto total = static_cast<double>(std::accumulate(images.begin(), images.end(), std::int64_t{0}));
  std::vector<double> factors;
  for (const std::int64_t own : images) factors.push_back(static_cast<double>(own) / total);
  return factors;
}

}  // namespace convoy::lesson
