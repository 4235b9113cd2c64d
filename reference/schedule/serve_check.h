/// The rules about servers and their workers, for validate().
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "reference/schedule/schedule.h"
#include "reference/schedule/validate.h"

namespace convoy {

/// What is wrong with a Serve op by itself: complain(sentence).
void check_serve(const Program& program, const Op& op, const Serve& serve, const std::function<void(const std::string&)>& complain);

/// Every gradient must be pushed to a server once and be complete then, and every weight must come back once. Nothing to say about
/// programs without gradients, and about schedules without servers.
void check_pushes(const Schedule& schedule, const Program& program, int rank, std::vector<Problem>& problems);

}  // namespace convoy
