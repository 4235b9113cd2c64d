/// Simulating one choice on one machine, for the verbs simulate and compare.
#pragma once

#include <string>

#include "reference/io/report.h"
#include "reference/schedule/timeline.h"
#include "simulator/apps/machine_options.h"

namespace convoy {

struct Simulation {
  Schedule schedule;
  Timeline timeline;
  StepTimes times;
  RunReport report;
};

/// Makes the schedule, validates it, and simulates `iterations` steps; the first is warm-up when there are more. Throws
/// InputError when the cluster is too small, std::logic_error when the schedule is broken (a bug of ours). `command` goes into
/// the report.
Simulation simulate_choice(const ScheduleChoice& choice, Mode mode, int iterations, const Machine& machine,
                           const std::string& command);

/// The median step time when nothing is shared, by formula.
double lower_bound_s(const Simulation& simulation, int iterations, const Machine& machine);

/// The same number of images on a single rank: step time, for the efficiency.
double one_rank_step_s(const ScheduleChoice& choice, Mode mode, int iterations, const Machine& machine);

/// Steps that do not count: the first, when there are more.
int warmup_of(int iterations);

}  // namespace convoy
