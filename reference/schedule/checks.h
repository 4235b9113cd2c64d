/// The groups of rules that validate() goes through, each in a file of its own; those about servers are in serve_check.h, and the
/// one about deadlocks in dry_run.h. All append what they find to `problems`, or return it.
#pragma once

#include <vector>

#include "reference/schedule/order.h"
#include "reference/schedule/schedule.h"
#include "reference/schedule/validate.h"

namespace convoy {

using Problems = std::vector<Problem>;

/// The first rank of each class, -1 for a class without ranks.
std::vector<int> first_ranks(const Schedule& schedule);

/// Indices, names and shapes, class by class. The other checks may use what this one has found right.
Problems check_structure(const Schedule& schedule);

/// Every message has its other half at the peer, and members of a collective agree about it.
Problems check_matching(const Schedule& schedule);

/// An op that uses elements of a buffer.
struct Touch {
  int op;
  Slice slice;
  bool write;
};
/// By buffer, in the order of ops.
using Touches = std::vector<std::vector<Touch>>;

/// What every op of a program reads and writes; of a collective, what `rank` itself has to have.
Touches touches_of(const Schedule& schedule, const Program& program, int rank);

/// Whether the union of `parts` covers `whole`.
bool covers(std::vector<Slice> parts, const Slice& whole);

/// Nothing is read before it was written.
void check_data(const Program& program, int rank, const ProgramOrder& order, const Touches& touches, Problems& problems);

/// No two ops touch the same elements, one of them writing, without an order between them.
void check_races(const Program& program, int rank, const ProgramOrder& order, const Touches& touches, Problems& problems);

/// What an update uses must have been summed over the axes it says, exactly once each, and over no other.
void check_gradients(const Schedule& schedule, const Program& program, int rank, const ProgramOrder& order,
                     const Touches& touches, Problems& problems);

/// Blocked buffers are used whole, by kernels that know them: they do not travel, and are put together with blocked ones only.
void check_layouts(const Program& program, int rank, Problems& problems);

/// The boxes of an op must fit its regions, and what is put together must be whole.
void check_boxes(const Program& program, int rank, Problems& problems);

}  // namespace convoy
