#include "reference/train/statistics.h"

#include <algorithm>

#include "reference/core/error.h"

namespace convoy {

double quantile(std::vector<double> values, double fraction) {
  require(!values.empty() && fraction >= 0 && fraction <= 1, "quantile", "fraction ", fraction, " of ", values.size(), " values");
  std::sort(values.begin(), values.end());
  const double place = fraction * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

}  // namespace convoy
