/// NCCL's choice and time for a collective; see library.h.
#pragma once

#include "simulator/cost/library.h"

namespace convoy {

LibraryTime nccl_time(CollectiveKind kind, double bytes, const Placing& placing, const GpuWiring& wiring, const Usage& usage);

}  // namespace convoy
