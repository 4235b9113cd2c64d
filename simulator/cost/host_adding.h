/// The part of an MPI library that messages do not show: cores that add, and copies between GPUs and the host.
#pragma once

#include "simulator/cost/wiring.h"

namespace convoy {

/// Seconds that a core takes to add so many bytes that arrived to what it has.
double host_adding_s(double bytes);
/// Seconds of a copy between a GPU and memory of the host that is not pinned, while all ranks of the node copy.
double gpu_copy_s(double bytes, int ranks_per_node, const GpuWiring& wiring);

}  // namespace convoy
