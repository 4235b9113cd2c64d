/// Clocks: what a rank's clock reads when rank 0's reads zero, and timelines of all ranks brought together.
#pragma once

#include "reference/exec/mpi/world.h"
#include "reference/schedule/timeline.h"

namespace convoy {

/// Agrees on the zero of a run's times: the moment at which rank 0 leaves this function. Returns the reading, on this rank's
/// steady clock, that is closest to it. All ranks call it. Cristian's algorithm (1989): of several ping-pongs the one with the
/// shortest round trip counts, and rank 0's clock is taken to have been read in the middle of it, which is wrong by half the
/// round trip at most.
double agree_on_zero_s(const MpiWorld& world);

/// Adds to rank 0's timeline what the others recorded, pushes to servers too; theirs stay as they are. All ranks call it.
void gather_at_root(const MpiWorld& world, Timeline& timeline);

}  // namespace convoy
