#include "reference/exec/mpi/run_on_mpi.h"

#include <exception>

#include "reference/core/error.h"
#include "reference/exec/binding.h"
#include "reference/exec/mpi/clock.h"
#include "reference/exec/mpi/compute_threads.h"
#include "reference/exec/mpi/library_call.h"
#include "reference/exec/mpi/message_loop.h"
#include "reference/exec/mpi/op_starter.h"
#include "reference/exec/mpi/rank_run.h"
#include "reference/schedule/text.h"
#include "reference/schedule/validate.h"

namespace convoy {
namespace {

/// Runs the streams of a rank to their ends: this thread moves messages, others compute. Returns when its ops began and ended.
std::vector<Interval> run_streams(RankRun& run, OpStarter& starter) {
  MessageLoop loop(run, starter);
  if (run.simulated != nullptr) {
    loop.run_simulated();
    return loop.intervals();
  }
  ComputeThreads threads(run, starter.serving());
  threads.start();
  std::exception_ptr failure;
  try {
    loop.run();
  } catch (...) {
    failure = std::current_exception();
    run.streams.stop();
  }
  threads.join();  // throws what went wrong there, since the loop stopped for that
  if (failure) std::rethrow_exception(failure);
  std::vector<Interval> intervals = loop.intervals();
  threads.add_intervals(intervals);
  return intervals;
}

/// Gives the calling thread its cores back.
struct Unbind {
  ~Unbind() { unbind(); }
};

}  // namespace

std::string_view to_string(CollectivesBy by) { return by == CollectivesBy::ours ? "ours" : "library"; }

CollectivesBy parse_collectives_by(std::string_view word) {
  if (word == "ours") return CollectivesBy::ours;
  if (word == "library") return CollectivesBy::library;
  throw_unknown_word("value of --collectives", word, {"ours", "library"});
}

Timeline run_on_mpi(MpiWorld& world, const Schedule& schedule, int iterations, RankMemory& memory, const ComputeFn& compute,
                    const MpiOptions& options) {
  require(iterations >= 0, "run_on_mpi", "cannot run ", iterations, " iterations");
  require(options.piece_bytes >= 8 && options.largest_count >= 8, "run_on_mpi", "pieces of ", options.piece_bytes, " bytes, ",
          options.largest_count, " elements at once");
  require(schedule.world_size() == world.size(), "run_on_mpi", "the schedule is for ", schedule.world_size(),
          " ranks, and there are ", world.size());
  if (options.run.check) {
    world.require_agreement("the plan", cat(to_text(schedule), iterations, to_string(options.collectives), options.piece_bytes,
                                            ' ', options.largest_count, options.run.record));
    require_valid(schedule);
  }
  if (options.collectives == CollectivesBy::library) require_library_calls(schedule);
  Timeline timeline{.clock = simulated_mpi() != nullptr ? "simulated" : "steady", .intervals = {}};
  const Unbind unbind_at_end;
  world.impl().broken = true;  // until all has moved
  RankRun run(world, schedule, iterations, memory, compute, options);
  OpStarter starter(run);
  run.zero_s = options.run.record ? agree_on_zero_s(world) : steady_s();
  timeline.intervals = run_streams(run, starter);
  if (starter.serving() != nullptr) timeline.pushes = starter.serving()->log();
  if (options.run.record || schedule.servers > 0) gather_at_root(world, timeline);  // pushes are of all servers
  world.impl().broken = false;
  return timeline;
}

}  // namespace convoy
