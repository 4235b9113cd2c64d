/// The text form of a schedule: one line a buffer and an op, readable by people and by parse_schedule.
#pragma once

#include <string>
#include <string_view>

#include "reference/schedule/schedule.h"

namespace convoy {

/// Writes every class once. parse_schedule(to_text(s)) == s.
std::string to_text(const Schedule& schedule);
/// Reads what to_text wrote. An InputError names the line and what was expected there.
Schedule parse_schedule(std::string_view text);

}  // namespace convoy
