#include "reference/exec/mpi/rank_run.h"

#include "reference/core/error.h"
#include "reference/exec/binding.h"
#include "reference/exec/combine.h"

namespace convoy {

RankRun::RankRun(MpiWorld& its_world, const Schedule& its_schedule, int its_iterations, RankMemory& its_memory,
                 const ComputeFn& its_compute, const MpiOptions& its_options)
    : world(its_world.impl()),
      schedule(its_schedule),
      program(its_schedule.program(its_world.rank())),
      rank(its_world.rank()),
      iterations(its_iterations),
      memory(its_memory),
      compute(its_compute),
      options(its_options),
      tags(its_schedule, world.tag_limit),
      streams(program, its_iterations) {
  memory.bind(program);
  if (!options.run.poison) return;
  memory.poison();
  last_uses_ = last_uses(program);
}

MessageSettings RankRun::rendezvous(const Region& region, int tag, int recv_tag) const {
  const DType dtype = dtype_of(region);
  return {.comm = world.messages,
          .tag = tag,
          .recv_tag = recv_tag,
          .dtype = dtype,
          .piece_bytes = options.largest_count / size_bytes(dtype) * size_bytes(dtype),
          .synchronous = true};
}

std::runtime_error RankRun::failure_of(const OpRun& run, const std::string& why) const {
  return std::runtime_error(
      cat("rank ", rank, ", iteration ", run.iteration, ", op ", run.op, " (", op_of(run).name, "): ", why));
}

void RankRun::prepare_thread(int stream) const {
  if (options.run.bound_cores > 0) bind_to_cores(world.local_rank, world.local_size, options.run.bound_cores);
  if (options.run.on_thread_start) options.run.on_thread_start(rank, stream);
}

void RankRun::end_op(const OpRun& run, double start_s, std::vector<Interval>& intervals, std::int64_t sent_bytes) {
  if (options.run.poison)
    for (const int buffer : last_uses_[static_cast<std::size_t>(run.op)]) memory.poison(buffer);
  if (options.run.record) intervals.push_back({rank, run.iteration, run.op, start_s, now_s(), sent_bytes});
  streams.advance(op_of(run).stream);
}

void RankRun::report_steps() {
  while (has_steps_to_report()) {
    if (options.run.on_step_end) options.run.on_step_end(rank, reported_);
    ++reported_;
  }
}

}  // namespace convoy
