/// What somebody may try who wants a shorter step.
#pragma once

#include <string>

#include "reference/io/report.h"
#include "reference/schedule/timeline.h"

namespace convoy {

/// "may help: --all-reduce auto; --gradients f16, half of the bytes; more images a rank; convoy advise, which tries other plans",
/// by what takes the step's time besides computing; "" when that is less than a tenth or nothing is known. Every option that
/// it names can be typed beside the choice's own. `library`: collectives are as a library carries them out, which chooses by
/// itself.
std::string what_helps(const ScheduleChoice& choice, Mode mode, const StepTimes& times, bool library);

}  // namespace convoy
