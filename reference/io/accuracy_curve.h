/// Accuracy while training goes on: how long it took to come to one.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace convoy {

/// The test images were answered once.
struct AccuracyPoint {
  std::int64_t steps = 0;    ///< trained since the start of the run
  double epochs = 0;         ///< the same in epochs
  double time_s = 0;         ///< of training until then, without evaluations, on the run's clock
  double test_accuracy = 0;  ///< fraction
  double test_loss = 0;      ///< mean
  friend bool operator==(const AccuracyPoint&, const AccuracyPoint&) = default;
};

/// The first point with this accuracy (a fraction) or more; null when there is none.
const AccuracyPoint* first_with(std::span<const AccuracyPoint> curve, double accuracy);
/// The point with the highest accuracy; null when there is none at all.
const AccuracyPoint* best_of(std::span<const AccuracyPoint> curve);

/// "85%" or "0.85" as a fraction above 0 and up to 1. An InputError names the option and says what to write.
double parse_accuracy(const std::string& option, const std::string& typed);
/// "85 %", "86.25 %".
std::string accuracy_text(double fraction);

}  // namespace convoy
