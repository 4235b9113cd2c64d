/// slowed: kernels that take longer on some ranks, for runs with stragglers.
#pragma once

#include <functional>

#include "reference/exec/exec.h"
#include "reference/schedule/stragglers.h"

namespace convoy {

/// `compute`, after which the thread sleeps until the op has taken as many times longer as `stragglers` says, by the clock
/// `now_s`. Sleeping leaves the core to others, as a slow device would. The system wakes threads tens of microseconds late, so
/// what is owed is paid in portions of 0.2 ms or more, and what was slept too long counts towards what follows. `first_step` is
/// added to the iteration. On a clock that stands still during an op, as a simulated one does, nothing happens here.
ComputeFn slowed(ComputeFn compute, const Stragglers& stragglers, std::int64_t first_step, std::function<double()> now_s);

}  // namespace convoy
