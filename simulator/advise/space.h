/// Space: the plans among which advise looks, every combination of some dimensions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reference/io/report.h"

namespace convoy {

/// One way in which choices differ. To add one, write a function and a row.
struct Dimension {
  std::string_view name;      ///< "plan"
  std::string_view sentence;  ///< what is tried, for people
  /// A choice in all values of this dimension; at least itself. Values that make no sense for it may be left out, and those that
  /// cannot be made are found out later, when they are refused.
  std::vector<ScheduleChoice> (*variants)(const ScheduleChoice&);
};
/// The table: plans and degrees, parts of the batch, algorithms.
std::span<const Dimension> dimensions();
/// The rows with these names; all for none. An InputError names the nearest.
std::vector<Dimension> dimensions_named(const std::vector<std::string>& names);

/// Every combination, no two alike, from a choice that says what stays: model, ranks, batch, precision and so on.
std::vector<ScheduleChoice> candidates(const ScheduleChoice& fixed, std::span<const Dimension> dimensions);

/// What tells a candidate from others, in the words of a command line: "--plan hybrid --inside spatial --split 2 --accumulate 2".
std::string candidate_words(const ScheduleChoice& choice);

}  // namespace convoy
