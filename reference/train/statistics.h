/// Order statistics of measured times.
#pragma once

#include <vector>

namespace convoy {

/// The value below which a fraction of the values lies, interpolated; values must not be empty, 0 <= fraction <= 1.
double quantile(std::vector<double> values, double fraction);
inline double median(const std::vector<double>& values) { return quantile(values, 0.5); }
inline double quartile_range(const std::vector<double>& values) { return quantile(values, 0.75) - quantile(values, 0.25); }

}  // namespace convoy
