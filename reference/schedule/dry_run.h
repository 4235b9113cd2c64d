/// The dry run of validate(): which ops never get to run because messages and collectives wait for each other.
#pragma once

#include <vector>

#include "reference/schedule/schedule.h"
#include "reference/schedule/validate.h"

namespace convoy {

/// Runs one iteration without data, time or buffers. A message moves when both its ends have been reached; a collective ends
/// when all members have reached it. One problem for each stream that stands still for good, in order of rank.
/// One iteration is enough: no op of an iteration waits for an op of a later one.
std::vector<Problem> find_deadlocks(const Schedule& schedule);

}  // namespace convoy
