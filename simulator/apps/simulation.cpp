#include "simulator/apps/simulation.h"

#include <stdexcept>

#include "reference/core/error.h"
#include "reference/schedule/ideal.h"
#include "reference/schedule/validate.h"
#include "simulator/apps/schedule_options.h"
#include "simulator/engine/simulate.h"

namespace convoy {

int warmup_of(int iterations) { return iterations > 1 ? 1 : 0; }

Simulation simulate_choice(const ScheduleChoice& choice, Mode mode, int iterations, const Machine& machine,
                           const std::string& command) {
  if (iterations < 1) throw InputError(cat("--iterations is ", iterations, ", expected 1 or more"));
  Simulation done;
  done.schedule = schedule_for(choice, mode);
  require_ranks(machine.cluster, choice.ranks);
  require_valid(done.schedule);
  const CostModel cost = cost_of(machine, choice.model, choice.precision);
  done.timeline = simulate(done.schedule, iterations, machine.cluster, cost);
  done.times = step_times(done.schedule, done.timeline, warmup_of(iterations));
  done.report.command = command;
  done.report.host = this_host();
  done.report.schedule = choice;
  done.report.mode = mode == Mode::train ? "train" : "evaluate";
  done.report.transport = machine.cluster.name;
  done.report.threads = machine.profile ? machine.profile->threads : machine.cluster.cores_per_rank;
  done.report.set_times(done.times, done.timeline.clock);
  done.report.set_memory(done.schedule);
  return done;
}

double lower_bound_s(const Simulation& simulation, int iterations, const Machine& machine) {
  const ScheduleChoice& choice = simulation.report.schedule;
  const CostModel cost = cost_of(machine, choice.model, choice.precision);
  const Timeline timeline =
      ideal(simulation.schedule, iterations, cost, [&](int from, int to) { return machine.cluster.link(from, to); });
  return step_times(simulation.schedule, timeline, warmup_of(iterations)).step_time_s;
}

double one_rank_step_s(const ScheduleChoice& choice, Mode mode, int iterations, const Machine& machine) {
  ScheduleChoice one = choice;
  one.ranks = 1;
  one.global_batch = (choice.global_batch + choice.ranks - 1) / choice.ranks;  // of the rank that has most
  return simulate_choice(one, mode, iterations, machine, "").times.step_time_s;
}

}  // namespace convoy
