/// Choosing the algorithms that a plan leaves open (Plan::all_reduce = auto), before anything runs or is simulated.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reference/collectives/choose.h"
#include "reference/schedule/schedule.h"

namespace convoy {

/// What was chosen for one collective op.
struct AutomaticChoice {
  std::string op;          ///< "bucket0.all_reduce"
  std::string axis;        ///< of the mesh, by name
  int members = 1;         ///< ranks that take part
  int ranks_per_node = 0;  ///< of the members; 0: all share one, as far as is known
  std::int64_t bytes = 0;  ///< of each member's buffer
  CollectiveChoice choice;
};

/// How many members of a group along an axis share a node, when every `ranks_per_node` consecutive ranks of the mesh do: such
/// that members 0 to k-1 of every group share one, the next k the next. 0 where that is not so, or when ranks_per_node is 0
/// (unknown).
///
///     mesh data 4 x model 2, 4 ranks a node:   groups along data have 2 members on a node, those along model are inside one
int members_per_node(const Mesh& mesh, int axis, int ranks_per_node);

/// Replaces every algorithm "auto" of the schedule, and its channels and chunks, by what choose_algorithm() says for the size,
/// the group and the machine. `machine.ranks_per_node` counts consecutive ranks of the mesh. A group whose members do not lie on
/// nodes as members_per_node() wants is taken for one of ranks that have a node each. Groups along an axis that use a node's NICs
/// at the same time are chosen for as if each had them for itself. Returns what it chose, each op once, in the order of the
/// programs. Throws an InputError when there is something to choose and no machine.
std::vector<AutomaticChoice> choose_collectives(Schedule& schedule, const std::optional<GroupTopology>& machine);

/// "bucket0.all_reduce, 25 MiB over 64 ranks, 8 a node: ring, 8 channels 1234 us by latency and bandwidth, against ..."
std::string in_words(const AutomaticChoice& choice);

}  // namespace convoy
