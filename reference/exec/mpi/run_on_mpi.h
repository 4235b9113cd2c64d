/// run_on_mpi: the executor whose ranks are processes.
#pragma once

#include <cstdint>
#include <string_view>

#include "reference/exec/exec.h"
#include "reference/exec/mpi/world.h"

namespace convoy {

/// Who carries out a collective: its rounds as messages, like every other executor, or one call of MPI.
enum class CollectivesBy : std::uint8_t { ours, library };
std::string_view to_string(CollectivesBy by);
/// The inverse; an InputError names the nearest.
CollectivesBy parse_collectives_by(std::string_view word);

struct MpiOptions {
  RunOptions run;  ///< time_out_s: after this long without progress, a communication op is an error
  CollectivesBy collectives = CollectivesBy::ours;
  /// Messages of rounds are cut into pieces of this many bytes, so that what has arrived is added while the next piece moves.
  /// Measured with bench_all_reduce on two ranks of one host: with 25 MiB in all, 0.5 to 1 MiB was fastest on MPICH 4.0.2 and
  /// Open MPI 4.1.4; whole messages took twice as long.
  std::int64_t piece_bytes = 1 << 20;
  std::int64_t largest_count = INT32_MAX;  ///< elements handed to MPI at once; what has more is split
};

/// Runs `iterations` steps of this process's rank; all ranks of the world call it with the same schedule, iterations and options,
/// which is checked first (InputError, on all of them). The world is as large as the schedule's.
///
/// Threads. The caller's thread, which owns MPI, works on the communication ops of all streams at once: it starts the next op of
/// each stream when what it comes after has ended, tests what is under way, and adds or copies what arrived. A thread of its own
/// runs the compute ops of each stream that has any, and one takes the pushes of a parameter server (exec/mpi/serving.h). on_thread_start
/// is called on each of these, and on the caller's, as stream 1; on_step_end on the thread of stream 0.
///
/// Where MPI is simulated (reference/exec/mpi/simulated_impl.h) there is one thread, the caller's: it carries compute ops out too, whose
/// simulated time goes by beside that of messages, and waits for whichever ends first. Times are then of the simulated clock.
///
/// Messages. An Exchange sends in MPI's synchronous mode, so that it ends, as rule 2 wants, when both messages have been
/// received. Rounds of a collective use the standard mode, where MPI may buffer what is small: nobody sees a round end, and the
/// next one needs what the other side sends anyway.
///
/// Returns on rank 0 the timeline of all ranks, and what their servers took, elsewhere that of its own. Times count from the moment rank 0 begins. Clocks of
/// other ranks are compared with rank 0's before each recorded run, by ping-pong: the error is at most half of the fastest round
/// trip, a microsecond or less on one host and tens over a network, and drift during the run is not corrected.
///
/// Throws InputError on all ranks, before anything runs, for collectives that the library cannot carry out (sums of 16-bit
/// elements). Throws std::runtime_error naming rank, iteration, op and peer when an op fails or nothing of it moves for
/// time_out_s. Messages are then under way that nobody will finish, so the only way on is to say so and MpiWorld::abort().
Timeline run_on_mpi(MpiWorld& world, const Schedule& schedule, int iterations, RankMemory& memory, const ComputeFn& compute,
                    const MpiOptions& options = {});

}  // namespace convoy
