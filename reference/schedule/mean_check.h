/// The rules about weights that ranks change by themselves (local SGD), for validate().
#pragma once

#include <vector>

#include "reference/schedule/order.h"
#include "reference/schedule/schedule.h"
#include "reference/schedule/validate.h"

namespace convoy {

/// The buffer of momentum that a rank keeps for itself when weights become their mean.
inline constexpr const char* kOwnMomentum = "own_momentum";

/// Where Schedule::local_steps says that every rank makes updates of its own: all weights that they change must be weighed
/// (ComputeKind::weigh) and then summed over the batch axis, once each and behind every op that touches them; momentum as well,
/// unless all of it is set to 0 before the first update, or it is the rank's own. Nothing to say about other schedules, and about one rank.
void check_means(const Schedule& schedule, const Program& program, int rank, const ProgramOrder& order, std::vector<Problem>& problems);

}  // namespace convoy
