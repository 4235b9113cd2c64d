#include "reference/schedule/checks.h"

#include <algorithm>
#include <set>

#include "reference/core/error.h"
#include "reference/schedule/serve_check.h"

namespace convoy {
namespace {

/// Whether there is such an algorithm, and it can do what is asked for. Only for collectives that are all right otherwise: their
/// problems have been told.
template <class Complain>
void check_algorithm(const Schedule& schedule, int rank, const Collective& collective, const Complain& complain) {
  const int extent = schedule.mesh.axes[static_cast<std::size_t>(collective.axis)].extent;
  if (collective.channels < 1 || collective.chunks < 1 || collective.ranks_per_node < 0) return;
  if (!collective.bounds.empty() && static_cast<int>(collective.bounds.size()) != extent + 1) return;
  try {
    const CollectiveAlgorithm& algorithm = collective_algorithm(collective.kind, collective.algorithm);
    const std::string reason = why_not(algorithm, request_of(schedule, std::max(rank, 0), collective));
    if (!reason.empty()) complain(cat("cannot run ", collective.algorithm, " ", to_string(collective.kind), ": ", reason));
  } catch (const InputError& error) {
    complain(error.what());
  }
}

void check_op_structure(const Schedule& schedule, const Program& program, int rank, int id, Problems& problems) {
  const Op& op = program.ops[static_cast<std::size_t>(id)];
  const auto complain = [&](const std::string& sentence) { problems.push_back({rank, id, "structure", sentence}); };
  const auto axis_exists = [&](int axis) { return axis >= 0 && static_cast<std::size_t>(axis) < schedule.mesh.axes.size(); };
  const auto peer_exists = [&](const Peer& peer) {
    const bool exists = peer.axis == kAnyRank ? peer.offset >= 0 && peer.offset < schedule.world_size() : axis_exists(peer.axis);
    if (exists) return true;
    complain(peer.axis == kAnyRank ? cat("has rank ", peer.offset, " for a peer, and there are ", schedule.world_size())
                                   : cat("has a peer along axis ", peer.axis, ", which the mesh does not have"));
    return false;
  };
  if (op.stream < 0 || op.stream > 1000) complain(cat("is on stream ", op.stream, "; streams are 0 to 1000"));
  for (const int earlier : op.after)
    if (earlier < 0 || earlier >= id) complain(cat("comes after op ", earlier, ", which is not an earlier op of this rank"));

  const auto [reads, writes] = regions_of(op);
  for (const auto* regions : {&reads, &writes})
    for (const Region& region : *regions) {
      if (region.buffer < 0 || static_cast<std::size_t>(region.buffer) >= program.buffers.size()) {
        complain(cat("uses buffer ", region.buffer, ", which does not exist"));
        continue;
      }
      const Buffer& buffer = program.buffers[static_cast<std::size_t>(region.buffer)];
      if (region.slice.offset < 0 || region.slice.count < 0 || region.slice.offset > element_count(buffer) - region.slice.count)
        complain(cat("uses elements ", region.slice.offset, " to ", region.slice.end(), " of ", buffer.name, ", which has ",
                     element_count(buffer)));
    }
  if (const auto* collective = std::get_if<Collective>(&op.action)) {
    if (!axis_exists(collective->axis)) return complain(cat("is over axis ", collective->axis, ", which the mesh does not have"));
    const int extent = schedule.mesh.axes[static_cast<std::size_t>(collective->axis)].extent;
    if (collective->root < 0 || collective->root >= extent)
      complain(cat("has root ", collective->root, " in a group of ", extent));
    if (collective->chunks < 1) complain(cat("has ", collective->chunks, " chunks; at least 1 is needed"));
    const std::vector<std::int64_t>& bounds = collective->bounds;
    if (!bounds.empty() && (static_cast<int>(bounds.size()) != extent + 1 || bounds.front() != 0 ||
                            bounds.back() != collective->region.slice.count || !std::is_sorted(bounds.begin(), bounds.end())))
      complain(cat("has bounds that do not divide ", collective->region.slice.count, " elements among ", extent, " ranks"));
    if (collective->channels < 1) complain(cat("has ", collective->channels, " channels; at least 1 is needed"));
    if (collective->ranks_per_node < 0) complain(cat("has ", collective->ranks_per_node, " ranks in a node"));
    check_algorithm(schedule, rank, *collective, complain);
  } else if (const auto* exchange = std::get_if<Exchange>(&op.action)) {
    for (const auto* message : {&exchange->send, &exchange->recv}) {
      if (!*message) continue;
      if (!peer_exists((*message)->peer)) return;
      if (rank >= 0 && (*message)->peer.axis != kAnyRank &&  // a worker that serves pushes to itself
          schedule.mesh.neighbour(rank, (*message)->peer.axis, (*message)->peer.offset) == rank)
        complain("sends to or receives from its own rank");
    }
  } else if (const auto* serve = std::get_if<Serve>(&op.action)) {
    for (const auto* messages : {&serve->pushes, &serve->pulls})
      for (const Message& message : *messages)
        if (!peer_exists(message.peer)) return;
    check_serve(program, op, *serve, complain);
  }
}

}  // namespace

std::vector<int> first_ranks(const Schedule& schedule) {
  std::vector<int> first(schedule.programs.size(), -1);
  for (int r = schedule.world_size() - 1; r >= 0; --r)
    first[static_cast<std::size_t>(schedule.class_of[static_cast<std::size_t>(r)])] = r;
  return first;
}

Problems check_structure(const Schedule& schedule) {
  Problems problems;
  for (const Axis& axis : schedule.mesh.axes)
    if (axis.extent < 1) problems.push_back({-1, -1, "structure", cat("axis '", axis.name, "' has extent ", axis.extent)});
  if (!problems.empty()) return problems;
  if (schedule.mesh.axes.empty() || schedule.mesh.world_size() != schedule.world_size())
    return {{-1, -1, "structure",
             cat("the mesh has ", schedule.mesh.world_size(), " ranks and the schedule ", schedule.world_size())}};
  if (schedule.local_steps < 0 || (schedule.local_steps > 0 && schedule.batch_axis < 0))
    return {{-1, -1, "structure", cat("has ", schedule.local_steps, " local steps, which needs an axis that divides the batch")}};
  if (schedule.batch_axis < -1 || schedule.batch_axis >= static_cast<int>(schedule.mesh.axes.size()))
    return {{-1, -1, "structure", cat("batch axis ", schedule.batch_axis, " does not exist")}};
  if (schedule.servers != 0 && (schedule.batch_axis < 0 || schedule.servers < 0 ||
                                schedule.servers >= schedule.mesh.axes[static_cast<std::size_t>(schedule.batch_axis)].extent))
    return {{-1, -1, "structure",
             cat("has ", schedule.servers, " servers behind the ranks that divide the batch; one must be left")}};
  for (std::size_t r = 0; r < schedule.class_of.size(); ++r) {
    const int c = schedule.class_of[r];
    if (c < 0 || static_cast<std::size_t>(c) >= schedule.programs.size())
      return {{static_cast<int>(r), -1, "structure", cat("is of class ", c, ", which does not exist")}};
  }
  const std::vector<int> rank_of_class = first_ranks(schedule);
  for (std::size_t c = 0; c < schedule.programs.size(); ++c) {
    const Program& program = schedule.programs[c];
    std::set<std::string> names;
    for (const Buffer& buffer : program.buffers) {
      if (!names.insert(buffer.name).second)
        problems.push_back({rank_of_class[c], -1, "structure", cat("has two buffers '", buffer.name, "'")});
      const Shape& s = buffer.shape;
      if (s.n < 0 || s.c < 0 || s.h < 0 || s.w < 0)
        problems.push_back({rank_of_class[c], -1, "structure", cat("buffer '", buffer.name, "' has shape ", to_string(s))});
    }
    for (std::size_t op = 0; op < program.ops.size(); ++op)
      check_op_structure(schedule, program, rank_of_class[c], static_cast<int>(op), problems);
  }
  return problems;
}

}  // namespace convoy
