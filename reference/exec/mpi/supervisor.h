/// Supervisor: what is left of a rank when its process is killed.
#pragma once

#include <array>
#include <atomic>
#include <string_view>

namespace convoy {

/// What this rank is doing, in memory that it shares with its supervisor, if it has one. Writing it takes nanoseconds.
struct RankNote {
  struct Doing {
    std::atomic<int> iteration = -1;  ///< -1: nothing
    std::atomic<int> op = 0;
    std::atomic<int> sender = -1, receiver = -1;  ///< the ranks it receives from and sends to; -1: none, or only MPI knows
    std::array<char, 80> name{};                  ///< of the op, cut off where it is longer
    void begin(int its_iteration, int its_op, std::string_view its_name);
    void end() { iteration = -1; }
  };
  Doing computing;      ///< stream 0
  Doing communicating;  ///< the thread that owns MPI; the op that it moved last
};
RankNote& rank_note();

/// Splits this process in two when a process manager of MPI started it as a rank (PMI_RANK, OMPI_COMM_WORLD_RANK or PMIX_RANK in
/// the environment); else does nothing. Call it before MPI starts, and before any thread does.
///
/// It returns in the child, which goes on as the rank and dies with its parent. The parent never returns: it waits, forwards
/// SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1 and SIGUSR2, and ends with the child's exit code. When the child is killed by a
/// signal S that the parent did not forward, the parent says "rank 1 was killed by signal 9 (Killed)" and stays for two seconds
/// before it ends with 128+S.
///
/// Why: a launcher that sees a rank die kills the others at once (MPICH's by SIGKILL), and none of them can say what it was
/// waiting for. While the parent stays, the launcher sees nothing, but the other ranks see that the process has ended
/// (MpiWorld::Impl::has_died), say so with op and peer, and abort. The note is for libraries that end the process themselves: UCX
/// does when it copies from the memory of a process that is gone.
///
/// Throws std::runtime_error when there can be no second process.
void supervise_rank();

}  // namespace convoy
