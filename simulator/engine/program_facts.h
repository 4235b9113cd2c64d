/// ProgramFacts: what the simulator wants to know of a program again and again, found out once for all ranks of the class.
#pragma once

#include <vector>

#include "reference/collectives/lock_step.h"
#include "reference/schedule/ideal.h"
#include "reference/schedule/schedule.h"

namespace convoy {

/// A collective op.
struct CollectiveFacts {
  std::int64_t element_bytes = 0;
  int channels = 1;                             ///< that go on at the same time
  std::vector<std::vector<Stretch>> stretches;  ///< of every channel, see lock_steps(); empty when they are none
};

struct ProgramFacts {
  std::vector<std::vector<int>> streams;     ///< ops of every stream that has any
  std::vector<double> compute_s;             ///< by op, 0 for communication
  std::vector<bool> runs_on;                 ///< by op: it computes, the next op of its stream does too, and nobody looks between
  std::vector<CollectiveFacts> collectives;  ///< by op, empty for others
};

/// The most channels of any collective of a program.
int most_channels(const ProgramFacts& facts);

/// Throws std::invalid_argument when the cost model gives what is no time.
ProgramFacts facts_of(const Schedule& schedule, const Program& program, const CostModel& cost);

/// How many messages a step has when every round is one: an upper bound, exact when no piece is empty.
double messages_of(const Schedule& schedule);

/// Whether a rank that stands for all of its class is enough: no messages but collectives over all ranks of the schedule, which
/// consist of stretches. Then all ranks of a class wait for the same things; the rings of a stretch end together.
bool classes_suffice(const Schedule& schedule);

/// Whether communication can be under way that a stretch is not part of: rings of several channels or ops, or messages beside them.
bool may_meet_others(const Schedule& schedule);

}  // namespace convoy
