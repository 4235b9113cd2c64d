/// Real executors: they run a schedule with data and return when everything happened.
#pragma once

#include <functional>
#include <vector>

#include "reference/exec/memory.h"
#include "reference/schedule/schedule.h"
#include "reference/schedule/timeline.h"

namespace convoy {

/// One compute op to carry out.
struct ComputeCall {
  const Schedule& schedule;
  int rank;
  int iteration;
  const Op& op;
  const Compute& compute;
  RankMemory& memory;
  double share = 1;  ///< of an update: the part of the step's images that its gradients are of; weight decay acts by as much
};
/// Carries out compute ops: kernels of the CPU or the GPU, injected. Called from the thread of the op's stream, for different
/// ranks at the same time.
using ComputeFn = std::function<void(const ComputeCall&)>;

/// Cores a rank keeps busy while one of its messages moves: the thread of its communication stream copies or adds, since
/// nothing but a core can move bytes between threads. The simulator charges the same.
inline constexpr double kThreadsCommunicationCores = 1.0;

struct RunOptions {
  bool check = true;       ///< validate() the schedule first; off only for tests of broken schedules
  bool poison = false;     ///< NaN in every buffer that does not persist, before the run and whenever its lifetime ends
  bool record = true;      ///< keep the timeline
  double time_out_s = 60;  ///< a message that has not come after this long is an error
  /// A device: the host waits behind every op of the first step, so that one that fails is known. That takes longer, so do it the first
  /// time that a schedule runs.
  bool first_op_by_op = true;
  int bound_cores = 0;     ///< cores of its own that the threads of each rank are bound to, while there are enough; 0: free
  std::function<void(int rank, int stream)> on_thread_start = {};  ///< for example to set the number of OpenMP threads
  std::function<void(int rank, int iteration)> on_step_end = {};   ///< called by the compute thread of each rank
};

/// Runs `iterations` steps with one thread for each stream of each rank. Ranks share nothing but messages: a receiver copies
/// or adds straight from the sender's buffer, and the sender waits until it has (rule 2, rendezvous).
/// memories: one for each rank, bound to the schedule here. Throws std::runtime_error naming rank, op and peer when a rank
/// fails or a message does not come; all threads have ended by then.
Timeline run_on_threads(const Schedule& schedule, int iterations, std::vector<RankMemory>& memories, const ComputeFn& compute,
                        const RunOptions& options = {});

}  // namespace convoy
