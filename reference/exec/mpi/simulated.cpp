#include "reference/exec/mpi/simulated.h"

namespace convoy {
namespace {

const SimulatedMpi* the_simulated_mpi = nullptr;

}  // namespace

const SimulatedMpi* simulated_mpi() { return the_simulated_mpi; }
void set_simulated_mpi(const SimulatedMpi* simulated) { the_simulated_mpi = simulated; }

}  // namespace convoy
