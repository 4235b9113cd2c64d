/// A schedule that does nothing but one collective, for whoever asks how long it takes.
#pragma once

#include "reference/schedule/schedule.h"

namespace convoy {

/// The collective, on axis 0 of a mesh of `ranks` x `jobs`: every job does the same at once. Its buffer of f32 is as long as its
/// region's slice, which begins at 0, and is there from the start.
Schedule schedule_of_collective(const Collective& collective, int ranks, int jobs = 1);

}  // namespace convoy
