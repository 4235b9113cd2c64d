#include "reference/io/accuracy_curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "reference/core/error.h"

namespace convoy {

const AccuracyPoint* first_with(std::span<const AccuracyPoint> curve, double accuracy) {
  const auto found = std::ranges::find_if(curve, [&](const AccuracyPoint& point) { return point.test_accuracy >= accuracy; });
  return found == curve.end() ? nullptr : &*found;
}

const AccuracyPoint* best_of(std::span<const AccuracyPoint> curve) {
  const auto found = std::ranges::max_element(curve, {}, &AccuracyPoint::test_accuracy);
  return found == curve.end() ? nullptr : &*found;
}

double parse_accuracy(const std::string& option, const std::string& typed) {
  const bool is_percent = typed.ends_with('%');
  const char* end = typed.data() + typed.size() - (is_percent ? 1 : 0);
  double value = 0;
  const auto [stopped, error] = std::from_chars(typed.data(), end, value);
  if (is_percent) value /= 100;
  if (error != std::errc() || stopped != end || !(value > 0 && value <= 1))
    throw InputError(cat(option, " is '", typed, "'; write a share of the test images, above 0 and up to 100%: 85%, or 0.85"));
  return value;
}

std::string accuracy_text(double fraction) {
  const double hundredths = std::round(1e4 * fraction);
  return fmt::format("{} %", hundredths / 100);
}

}  // namespace convoy
