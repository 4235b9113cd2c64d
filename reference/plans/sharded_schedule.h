/// The schedule of plan `data` with the state of the optimiser, and more, divided among ranks. make_schedule() is its only user.
#pragma once

#include "reference/plans/plan.h"

namespace convoy {

/// Gives a schedule, whose mesh and batch are those of the plan, the programs of a plan with Plan::zero from 1 to 3: see plans/sharded_optimizer.cpp. An InputError says which
/// settings it does not go with.
void add_sharded_programs(Schedule& schedule, const Model& model, const Plan& plan, Mode mode);

}  // namespace convoy
