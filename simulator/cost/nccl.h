/// NCCL's choice and time for a collective; see library.h.
#pragma once

#include "simulator/cost/library.h"

namespace convoy {

/// Seconds of a hop of a ring with the protocol Simple, besides its bytes: within a node, or between nodes.
double nccl_hop_s(const GpuWiring& wiring, const Placing& placing, bool between_nodes);

LibraryTime nccl_time(CollectiveKind kind, double bytes, const Placing& placing, const GpuWiring& wiring, const Usage& usage);

}  // namespace convoy
