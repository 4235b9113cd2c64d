/// A timeline as text: who does what when, so that overlap can be seen.
#pragma once

#include <string>

#include "reference/schedule/timeline.h"

namespace convoy {

struct GanttOptions {
  int iteration = 0;  ///< from the end of the step before it to its own end
  int columns = 100;  ///< width of a line, labels included
  int max_ranks = 8;  ///< the first ranks; the rest is counted in a last line
};

/// One line for each rank and stream. A capital letter where a phase takes at least half of a column, a small one where it takes
/// less, and a dot where nothing runs: L load, F forward, B backward, R all-reduce, C other communication, P packing,
/// U update, W waiting for a partner. What waits.h calls a bubble is a dot too. Where several phases share a column the longest
/// is drawn.
std::string gantt(const Schedule& schedule, const Timeline& timeline, const GanttOptions& options);

}  // namespace convoy
