#include <csignal>
#include <stdexcept>
#include <string>

#include "reference/plans/plan.h"
#include "tests/exec/mpi/ranks.h"
#include "tests/schedule/hand_made.h"
#include "tests/train/tiny.h"

namespace convoy::tests {
namespace {

/// Every step: work, an all-reduce, and use of its result.
Schedule steps_of_all(int ranks) {
  Schedule schedule = empty_schedule(ranks, 8);
  Program& program = schedule.programs[0];
  program.ops.push_back(compute_op("work", {{Role::y, Access::update, all_of(program, 0)}}));
  program.ops.push_back(all_reduce_op(all_of(program, 0), 0, {0}));
  program.ops.push_back(compute_op("use", {{Role::x, Access::read, all_of(program, 0)}}, {1}));
  return schedule;
}

void run(MpiWorld& world, const Schedule& schedule, const ComputeFn& compute,
         const MpiOptions& options = {.run = {.time_out_s = 600}}) {
  RankMemory memory;
  run_on_mpi(world, schedule, 5, memory, compute, options);
}

}  // namespace

void fail_on_purpose(MpiWorld& world, const std::string& how) {
  Schedule schedule = steps_of_all(world.size());
  const ComputeFn fails = [&](const ComputeCall& call) {
    if (call.rank != 1 || call.iteration != 2 || call.op.name != "work") return;
    if (how == "die") std::raise(SIGKILL);
    if (how == "throw") throw std::runtime_error("out of luck");
  };
  if (how == "silent") {  // rank 1 does not send what rank 0 waits for
    Program& program = schedule.programs[0];
    program.ops = {exchange_op("shift", Message{{0, 1}, all_of(program, 0), 1}, Message{{0, -1}, all_of(program, 1), 1}, 1)};
    own_program(schedule, 1).ops.clear();
    return run(world, schedule, fails, {.run = {.check = false, .time_out_s = 2}});
  }
  if (how == "pushless") {  // the worker does nothing, and rank 1 serves
    schedule = make_schedule(
        tiny_model(), make_plan("parameter_server", {.ranks = 2, .global_batch = 2, .servers = {.count = 1, .own_ranks = true}}));
    own_program(schedule, 0).ops.clear();
    return run(world, schedule, fails, {.run = {.check = false, .time_out_s = 2}});
  }
  if (how == "disagree" && world.rank() == 1) schedule.programs[0].ops[0].name = "other work";
  if (how == "smaller") schedule = steps_of_all(world.size() - 1);
  if (how == "sum16") {  // what MPI has no type for
    schedule.programs[0].buffers[0].dtype = DType::f16;
    return run(world, schedule, fails, {.collectives = CollectivesBy::library});
  }
  run(world, schedule, fails);
}

}  // namespace convoy::tests
