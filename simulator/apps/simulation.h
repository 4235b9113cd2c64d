/// Simulating one choice on one machine, for the verbs simulate, sweep and compare.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reference/io/report.h"
#include "reference/schedule/stragglers.h"
#include "reference/schedule/timeline.h"
#include "simulator/apps/machine_options.h"

namespace convoy {

/// What is to be simulated, checked.
struct Task {
  ScheduleChoice choice;
  Mode mode = Mode::train;
  int iterations = 1;  ///< the first is warm-up when there are more
  ChosenMachine machine;
  Schedule schedule;
  std::vector<AutomaticChoice> choices = {};  ///< what all_reduce = auto became
  CostModel cost;
  bool measured_jitter = false;  ///< ranks differ as the profile's steps did, in orders drawn from the seed of `stragglers`
  std::vector<CostModel> other_costs = {};  ///< on nodes of other kinds, see SimulationOptions
  Stragglers stragglers = {};
  bool all_ranks = false;                  ///< keep the intervals of every rank, see SimulationOptions
  std::vector<int> placement = {};         ///< where servers are on hosts: of every rank, see SimulationOptions
  std::vector<CostModel> host_costs = {};  ///< likewise
};

/// Makes the schedule and checks everything that can be checked before simulating. Throws InputError when a word is unknown, the
/// cluster too small or the profile one of another model, fusion or layout, std::logic_error when the schedule is broken (a bug
/// of ours).
Task prepare(ScheduleChoice choice, Mode mode, int iterations, const ChosenMachine& machine);

struct Simulation {
  Timeline timeline;
  StepTimes times;
  RunReport report;
};

/// Simulates it. `command` goes into the report.
Simulation simulate_task(const Task& task, const std::string& command);

/// The median step time when nothing is shared, by formula.
double lower_bound_s(const Task& task);

/// As many images as a rank has, on a single rank with the whole network: step time, for the efficiency. Nothing when the task's
/// profile has no times of the whole network, as one of a plan that divides layers.
std::optional<double> one_rank_step_s(const Task& task);

/// The command that measures what a choice takes.
std::string measuring_command(const ScheduleChoice& choice);

/// Why the times of the task's profile may not hold for the task: measured on another machine, with other ranks or threads, or at
/// other sizes. Sentences; none when it has no profile.
std::vector<std::string> doubts_about_profile(const Task& task);

/// Messages of collectives that are smaller or larger than those with which the cluster's links were measured. Sentences; none
/// where the cluster does not say.
std::vector<std::string> doubts_about_sizes(const Task& task);

/// Steps that do not count: the first, when there are more.
int warmup_of(int iterations);

}  // namespace convoy
