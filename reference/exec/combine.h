/// What a receiver does with elements that arrived, and which buffers end their life with an op: what all executors on host
/// memory share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "reference/collectives/collective.h"
#include "reference/core/dtype.h"
#include "reference/schedule/schedule.h"

namespace convoy {

/// copy: mine = theirs; add: mine += theirs, for `count` elements. The two must not overlap.
void combine(OnReceive how, DType dtype, std::byte* mine, const std::byte* theirs, std::int64_t count);

/// For each op the buffers whose lifetime ends with it: all other ops that touch them come before it. Those are poisoned then.
std::vector<std::vector<int>> last_uses(const Program& program);

}  // namespace convoy
