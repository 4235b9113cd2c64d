/// The exercise of lesson 1.
#pragma once

#include <cstdint>

#include "reference/schedule/schedule.h"

namespace convoy::lesson {

/// Bytes that a rank sends in one step of a schedule whose only messages are those of its collectives.
std::int64_t bytes_sent(const Schedule& schedule, int rank);

}  // namespace convoy::lesson
