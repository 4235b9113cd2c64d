/// The schedule of plan `local_sgd`. make_schedule() is its only user.
#pragma once

#include "reference/plans/plan.h"

namespace convoy {

/// Gives a schedule, whose mesh and batch are those of a round of the plan, its programs: Plan::local.steps times the step of a rank
/// that trains alone, on the same memory, and then the mean of the weights. With overlap an update of the last step follows the last
/// op that needs what it changes, and the mean of its bucket the update. Local steps of no images are left out, but for the
/// last.
/// An InputError says which settings it does not go with.
void add_local_programs(Schedule& schedule, const Model& model, const Plan& plan);

}  // namespace convoy
