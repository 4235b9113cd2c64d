/// ComputeThreads: the threads of a rank that compute: one for stream 0, one for every other stream that has a compute op, and
/// one for a parameter server.
#pragma once

#include <deque>
#include <exception>
#include <thread>
#include <vector>

#include "reference/exec/mpi/rank_run.h"
#include "reference/exec/mpi/serving.h"

namespace convoy {

class ComputeThreads {
 public:
  /// `serving`: the rank's parameter server; null where there is none. Both must outlive this.
  ComputeThreads(RankRun& run, Serving* serving) : run_(run), serving_(serving) {}
  void start();
  /// Waits until all have ended, which they do when their streams are at their end or stopped. Throws what went wrong in one.
  void join();
  /// When their ops began and ended; after join().
  void add_intervals(std::vector<Interval>& intervals) const;

 private:
  struct Worker {
    std::thread thread;
    std::vector<Interval> intervals;
    std::exception_ptr failure;
  };
  template <class Body>
  void add(Body body);
  void run_stream(int stream, OpRun& at, std::vector<Interval>& intervals);
  void run_compute(const OpRun& at, std::vector<Interval>& intervals);

  RankRun& run_;
  Serving* serving_;
  std::deque<Worker> workers_;  ///< stay where they are
};

}  // namespace convoy
