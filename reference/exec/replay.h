/// replay: a run with parameter servers once more, by one thread, in the order that the run recorded.
#pragma once

#include <vector>

#include "reference/exec/exec.h"

namespace convoy {

/// Carries out `iterations` steps again, with the memories as they were before the run. Servers take the pushes in the recorded
/// order and decide nothing: which pushes make an update and what a worker gets stand in the record. Ends with the same bits as the
/// run, on workers and servers. Throws std::invalid_argument when the record is not one of such a run.
void replay(const Schedule& schedule, int iterations, const std::vector<ServedPush>& pushes, std::vector<RankMemory>& memories,
            const ComputeFn& compute);

}  // namespace convoy
