/// The schedule of plan `data` with the state of the optimiser, and more, divided among ranks. make_schedule() is its only user.
#pragma once

#include "reference/plans/plan.h"

namespace convoy {

/// The schedule of one step of a plan with Plan::zero from 1 to 3: see plans/sharded_optimizer.cpp. An InputError says which
/// settings it does not go with.
Schedule make_sharded_schedule(const Model& model, const Plan& plan, Mode mode);

}  // namespace convoy
