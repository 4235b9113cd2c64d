// expect: that is the mean of means
#include "exercise.h"

namespace convoy::lesson {

/// Leaves everything as it is.
std::vector<double> loss_factors(const std::vector<std::int64_t>& images) { return std::vector<double>(images.size(), 1.0); }

}  // namespace convoy::lesson
