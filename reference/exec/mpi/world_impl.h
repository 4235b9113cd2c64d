/// Inside of MpiWorld, and how the files of this folder call MPI.
#pragma once

#include <mpi.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reference/exec/mpi/simulated_impl.h"
#include "reference/exec/mpi/world.h"
#include "reference/schedule/mesh.h"

namespace convoy {

/// Throws std::runtime_error with the words of MPI unless `code` is MPI_SUCCESS; `call` names the function that returned it.
void require_mpi(int code, const char* call);

/// Seconds on a clock that never jumps; simulated ones where MPI is.
inline double steady_s() {
  if (simulated_mpi() != nullptr) return MPI_Wtime();
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct MpiWorld::Impl {
  MPI_Comm control = MPI_COMM_NULL;   ///< for what ranks say outside of schedules
  MPI_Comm messages = MPI_COMM_NULL;  ///< for the messages of schedules
  int rank = 0;
  int size = 1;
  int local_rank = 0;
  int local_size = 1;
  int ranks_per_host = 0;
  bool spans_hosts = false;
  bool crowded = false;   ///< this host has fewer cores than ranks
  int tag_limit = 32767;  ///< largest tag
  bool owns_mpi = false;  ///< ends MPI when it ends
  bool broken = false;    ///< communication was left half done
  double time_out_s = 3600;
  std::vector<int> processes;  ///< by rank; 0 where this process cannot see them
  /// Groups that collectives were handed to MPI for, by axes of the mesh, axis and stream.
  std::map<std::pair<std::vector<int>, std::pair<int, int>>, MPI_Comm> groups;

  /// Fills what follows from `control`, and makes `messages`.
  void prepare();
  /// Whether the process of a rank, if it can be seen from here, has ended. Looks into /proc, so not too often.
  [[nodiscard]] bool has_died(int other) const;
  /// The lowest rank that has died; -1 when none has.
  [[nodiscard]] int first_dead() const;
  /// Waits for a request with back-off. Throws when it takes longer than the time-out, "waited 60 s for <whom>", or
  /// when a rank has died.
  void wait(MPI_Request& request, const std::string& whom) const;
  /// The communicator of this rank's group along an axis, for the collectives of one stream. All ranks call it.
  MPI_Comm group(const Mesh& mesh, int axis, int stream);
  /// Point-to-point on `control`, in parts that a count of MPI can hold.
  void send(int to, const void* data, std::size_t bytes) const;
  void receive(int from, void* data, std::size_t bytes) const;
};

}  // namespace convoy
