/// RankRun: what the parts of a rank's run on MPI share: what is to be done, on which memory, how far it is, and the clock.
#pragma once

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "reference/exec/exec.h"
#include "reference/exec/mpi/messages.h"
#include "reference/exec/mpi/run_on_mpi.h"
#include "reference/exec/mpi/streams.h"
#include "reference/exec/mpi/world_impl.h"

namespace convoy {

struct RankRun {
  /// Binds the memory. All arguments must outlive this.
  RankRun(MpiWorld& its_world, const Schedule& its_schedule, int its_iterations, RankMemory& its_memory,
          const ComputeFn& its_compute, const MpiOptions& its_options);

  MpiWorld::Impl& world;
  const Schedule& schedule;
  const Program& program;
  int rank;
  int iterations;
  RankMemory& memory;
  const ComputeFn& compute;
  const MpiOptions& options;
  const SimulatedMpi* simulated = simulated_mpi();  ///< nullptr where MPI is real
  MessageTags tags;
  Streams streams;
  std::atomic<int> computing = 0;  ///< compute ops and updates that threads are at
  double zero_s = 0;               ///< what this rank's clock read when the run's times began

  [[nodiscard]] const Op& op_of(const OpRun& run) const { return program.ops[static_cast<std::size_t>(run.op)]; }
  [[nodiscard]] double now_s() const { return steady_s() - zero_s; }
  [[nodiscard]] DType dtype_of(const Region& region) const {
    return program.buffers[static_cast<std::size_t>(region.buffer)].dtype;
  }
  [[nodiscard]] Half half_of(int peer, const Region& region) const {
    return {peer, memory.bytes_at(region), region_bytes(program, region)};
  }
  /// Settings of a message that is one: in pieces only where MPI could not count it, and sent when it is being received (rule 2).
  [[nodiscard]] MessageSettings rendezvous(const Region& region, int tag, int recv_tag = -1) const;
  /// "rank 1, iteration 2, op 3 (push0): <why>".
  [[nodiscard]] std::runtime_error failure_of(const OpRun& run, const std::string& why) const;
  /// First of all in every thread of this run.
  void prepare_thread(int stream) const;
  /// An op is over: poisons what ended with it, notes when it was, moves its stream on.
  void end_op(const OpRun& run, double start_s, std::vector<Interval>& intervals, std::int64_t sent_bytes = 0);
  /// Calls on_step_end for the iterations that stream 0 has ended since. For one thread, that of stream 0.
  void report_steps();
  /// Whether there are such iterations.
  [[nodiscard]] bool has_steps_to_report() const {
    return reported_ < (streams.at_end(kComputeStream) ? iterations : streams.head(kComputeStream).iteration);
  }

 private:
  std::vector<std::vector<int>> last_uses_;  ///< op -> buffers to poison; empty unless asked for
  int reported_ = 0;                         ///< steps that on_step_end was called for
};

}  // namespace convoy
