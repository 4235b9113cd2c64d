/// Whether MPI is simulated, for those who do not know MPI.
#pragma once

#include <string>

#include "reference/collectives/choose.h"
#include "reference/model/model.h"

namespace convoy {

/// Whether this program runs on SimGrid's SMPI (simulated_impl.h).
bool mpi_is_simulated();
/// Says what is about to run, so that the times of its compute ops are known. Throws InputError when nothing is known about them.
/// Does nothing where MPI is real.
void announce_to_simulated_mpi(const Model& model, const std::string& precision);

/// Simulated seconds, of the calling rank; and what ranks and links the simulated machine has. Only where MPI is simulated.
double simulated_mpi_now_s();
const GroupTopology& simulated_mpi_topology();

}  // namespace convoy
