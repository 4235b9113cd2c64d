/// A cluster as a picture, in the language of Graphviz.
#pragma once

#include <string>

#include "simulator/platform/cluster.h"

namespace convoy {

/// DOT text: one node of each kind with what is inside, the other nodes as boxes, the topology between them, links with their
/// bandwidth. Of more than 32 nodes only the first and last 8 are drawn, with the links of the ways between them, and a line says so.
std::string draw_cluster(const Cluster& cluster);

}  // namespace convoy
