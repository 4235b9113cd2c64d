/// Numbers in prose.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace convoy {

/// Blanks everything from each `opening` to the `closing` after it. Returns false when one is not closed on this line.
bool blank_between(std::string& line, std::string_view opening, std::string_view closing);

/// The words of a line of prose that begin with a digit. Those of a numbered list (at the start of the line, with a dot), dates
/// as in 2026-11-23 and years before a closing bracket are left out.
std::vector<std::string> bare_numbers(std::string line);

}  // namespace convoy
