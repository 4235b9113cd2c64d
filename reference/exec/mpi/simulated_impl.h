/// SimulatedMpi: what is different where MPI is simulated (SimGrid's SMPI). A real MPI has none of this.
///
/// There one thread runs all ranks, one after the other, and a rank goes on until it waits for something that takes simulated
/// time. So nobody may wait for anything but MPI: no thread, no lock, and no looking again and again at what cannot change before
/// the clock moves. Compute ops are carried out by the rank itself, with real numbers, in no time; the time that they would take
/// goes by while the rank waits for a request among the others that it waits for, so messages move meanwhile.
#pragma once

#include <mpi.h>

#include <functional>
#include <string>

#include "reference/collectives/choose.h"
#include "reference/model/model.h"
#include "reference/schedule/schedule.h"

namespace convoy {

struct SimulatedMpi {
  GroupTopology topology;  ///< of the simulated machine
  /// A request of the calling rank that ends after so many seconds of simulated time.
  std::function<MPI_Request(double time_s)> timer;
  /// Simulated seconds of a compute op on a rank, for the model that was announced last.
  std::function<double(const Program&, int rank, int iteration, const Op&, const Compute&)> compute_s;
  /// Announces what is about to run. Throws InputError when nothing is known about its times.
  std::function<void(const Model&, const std::string& precision)> announce;
};

/// nullptr where MPI is real.
const SimulatedMpi* simulated_mpi();
/// Once, before the first rank starts MPI. What it points to must outlive all ranks.
void set_simulated_mpi(const SimulatedMpi* simulated);

}  // namespace convoy
