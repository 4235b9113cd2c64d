/// When the buffers of a program hold something that is still needed.
#pragma once

#include <vector>

#include "reference/schedule/order.h"
#include "reference/schedule/schedule.h"

namespace convoy {

/// A stretch of the iteration in which a buffer holds something: all ops that touch it meanwhile, in the order of the list, and what
/// that says by streams.
struct Life {
  std::vector<int> ops;
  std::vector<int> last;        ///< by stream: the place of the last of them there + 1, 0 when none is
  std::vector<int> known;       ///< by stream: how many of its ops are sure to have ended before any of `ops` begins
  std::vector<int> known_next;  ///< the same, before any of them begins in the next iteration
};

/// The lives of every buffer. A new one begins with an op that writes all of the buffer, reads none of it, and comes after every op
/// that touched it before: what was there is not needed any more.
std::vector<std::vector<Life>> lives_of(const Program& program, const ProgramOrder& order);

/// Whether two buffers may lie in the same place: of each life of one and each of the other, one is over before the other begins, in
/// every iteration.
bool may_share(const std::vector<Life>& a, const std::vector<Life>& b);

}  // namespace convoy
