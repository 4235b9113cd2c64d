#include "simulator/report/range.h"

#include <charconv>

#include "reference/core/error.h"

namespace convoy {

std::optional<RangeText> parse_range(const std::string& text) {
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) return std::nullopt;
  const auto fail = [&](const std::string& why) {
    throw InputError(cat("'", text, "' is not a range: ", why, "; write FIRST..LAST:xFACTOR, for example 1..64:x2"));
  };
  const std::size_t colon = text.find(":x", dots);
  if (colon == std::string::npos) fail("the factor is missing");
  RangeText range{.first = text.substr(0, dots), .last = text.substr(dots + 2, colon - dots - 2), .factor = 0};
  const std::string factor = text.substr(colon + 2);
  const auto [end, status] = std::from_chars(factor.data(), factor.data() + factor.size(), range.factor);
  if (status != std::errc{} || end != factor.data() + factor.size() || range.factor < 2)
    fail("the factor is '" + factor + "', expected a whole number from 2 on");
  return range;
}

}  // namespace convoy
