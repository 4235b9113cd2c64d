#include "reference/exec/mpi/simulated.h"

#include "reference/exec/mpi/simulated_impl.h"

namespace convoy {
namespace {

const SimulatedMpi* the_simulated_mpi = nullptr;

}  // namespace

const SimulatedMpi* simulated_mpi() { return the_simulated_mpi; }
void set_simulated_mpi(const SimulatedMpi* simulated) { the_simulated_mpi = simulated; }

bool mpi_is_simulated() { return the_simulated_mpi != nullptr; }
void announce_to_simulated_mpi(const Model& model, const std::string& precision) {
  if (the_simulated_mpi != nullptr) the_simulated_mpi->announce(model, precision);
}
double simulated_mpi_now_s() { return MPI_Wtime(); }
const GroupTopology& simulated_mpi_topology() { return the_simulated_mpi->topology; }

}  // namespace convoy
