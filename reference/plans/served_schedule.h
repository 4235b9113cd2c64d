/// The schedule of a plan whose weights are kept by parameter servers. make_schedule() is its only user, but for the names.
#pragma once

#include "reference/plans/plan.h"

namespace convoy {

/// Buffers of a server: the weights and the momentum that it keeps, and a place for each worker's gradients, and for its answer.
inline constexpr const char* kServerWeights = "server_weights";
inline constexpr const char* kServerMomentum = "server_momentum";
inline constexpr const char* kDesk = "desk";
/// Where pushes are compressed: a place for each worker's payload.
inline constexpr const char* kInbox = "inbox";

/// Workers of a plan with servers: ranks 0 to this.
int worker_count(const Plan& plan);
/// The rank of a server.
int server_rank(const Plan& plan, int server);

/// Gives a schedule, whose mesh and batch are those of the plan, the programs of a plan with Plan::servers. A worker runs what a single rank of plan `data` would, without the
/// update: in its place stand a push to each server and a pull from it, on a stream of their own for each server. An InputError
/// says which settings servers do not go with.
void add_served_programs(Schedule& schedule, const Model& model, const Plan& plan, Mode mode);

}  // namespace convoy
