/// Whether messages of a schedule share links, found without simulating: what a formula does not see.
#pragma once

#include <optional>
#include <string>

#include "reference/schedule/schedule.h"
#include "simulator/platform/cluster.h"

namespace convoy {

struct SharedLink {
  std::string op;    ///< whose messages they are
  std::string link;  ///< as Network::link_name()
  int flows = 0;     ///< over it in the same round
};

/// The link that most messages of one communication op go over at the same time, when that are two or more. Looked at are, of
/// each op, the messages of all ranks: of an exchange all, of a collective those of its first round and of one in its middle, on
/// all channels. Messages of different ops are not compared, so nothing found does not mean that nothing is shared.
std::optional<SharedLink> find_shared_link(const Schedule& schedule, const Cluster& cluster);

}  // namespace convoy
