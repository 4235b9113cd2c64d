/// The platform on which SMPI runs: hosts, links and routes of a cluster, with their real latencies.
#pragma once

#include <vector>

#include "simulator/engine/simgrid_shim.h"
#include "simulator/platform/network.h"

namespace convoy {

/// Makes a host of SimGrid for each of the first `ranks` ranks of a network, and its links. A route has the links of
/// Network::route() and the latency of Network::path(); from a host to itself there is a link that takes no time to speak of.
/// Unlike SharedLinks, where latencies are paid before a flow begins, SimGrid has all of a message to itself here, latency
/// included, and shares a link among messages in inverse proportion to the latencies of their routes. `network` must outlive the
/// engine.
std::vector<sg::s4u::Host*> add_platform(sg::s4u::Engine& engine, const Network& network, int ranks);

}  // namespace convoy
