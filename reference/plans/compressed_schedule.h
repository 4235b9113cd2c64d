/// The schedule of plan `data` with gradients that travel compressed. make_schedule() is its only user.
#pragma once

#include "reference/plans/plan.h"

namespace convoy {

/// Gives a schedule, whose mesh and batch are those of the plan, the programs of a plan with Plan::compression. In place of the all-reduce of a bucket every rank compresses its own
/// gradients (top_k: what it does not send stays with it, for the next step), all ranks get all payloads by an all-gather, since
/// payloads cannot be added on the way, and each adds them up in the order of the ranks.
///
///   elements sent by a rank   W gradients, n ranks       all-reduce   2 W (n-1)/n
///                             top_k of a share s          about        2 s W (n-1)     words
///                             int8                        about        W/4 (n-1)       words
///
/// An InputError says which settings it does not go with.
void add_compressed_programs(Schedule& schedule, const Model& model, const Plan& plan, Mode mode);

}  // namespace convoy
