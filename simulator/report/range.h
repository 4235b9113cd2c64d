/// Ranges as people type them: FIRST..LAST:xFACTOR, for sizes and for whole numbers.
#pragma once

#include <optional>
#include <string>

namespace convoy {

/// The parts of a range; what FIRST and LAST mean is up to the caller.
struct RangeText {
  std::string first;
  std::string last;
  int factor = 2;  ///< 2 or more
};
/// "1KiB..64MiB:x2" in its parts; nothing when the text is no range. An InputError says what is wrong with the factor.
std::optional<RangeText> parse_range(const std::string& text);

}  // namespace convoy
