/// RankTimers: requests of MPI that end after a given simulated time.
///
/// MPI has no such request, but one that ends when a message comes. So beside the rank, on its host, stands an actor that is in
/// MPI's terms another thread of the same rank: when time is up, it starts a send that the rank has prepared, from the rank to
/// itself. On the host's loopback, which takes no time to speak of, it arrives at once.
#pragma once

#include <mpi.h>

#include <memory>

namespace convoy {

class RankTimers {
 public:
  /// By the rank itself, after MPI_Init.
  RankTimers();
  /// By the rank too, also after MPI_Finalize. What it prepared stays with SMPI until the program ends.
  ~RankTimers();
  RankTimers(const RankTimers&) = delete;
  RankTimers& operator=(const RankTimers&) = delete;

  /// A request of this rank that ends `time_s` seconds of simulated time from now.
  MPI_Request start(double time_s);

 private:
  struct State;
  static void keep_time(State& state);
  std::shared_ptr<State> state_;  ///< the other actor's too
};

}  // namespace convoy
