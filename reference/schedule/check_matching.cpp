#include "reference/schedule/checks.h"

#include <map>
#include <set>
#include <tuple>

#include "reference/core/error.h"

namespace convoy {
namespace {

/// One half of a message in a program: its op and the message.
struct Half {
  int op;
  const Message* message;
};

/// Halves of a program by id and direction relative to the mesh: (axis, offset modulo extent, id).
using Halves = std::map<std::tuple<int, int, int>, std::vector<Half>>;

struct ProgramMessages {
  Halves sends;
  Halves recvs;
};

ProgramMessages messages_of(const Schedule& schedule, const Program& program) {
  ProgramMessages found;
  for (std::size_t op = 0; op < program.ops.size(); ++op) {
    const auto key = [&](const Message& message) {
      if (message.peer.axis == kAnyRank) return std::tuple{kAnyRank, message.peer.offset, message.id};
      const int extent = schedule.mesh.axes[static_cast<std::size_t>(message.peer.axis)].extent;
      return std::tuple{message.peer.axis, ((message.peer.offset % extent) + extent) % extent, message.id};
    };
    const auto add = [&](Halves& halves, const Message& message) {
      halves[key(message)].push_back({static_cast<int>(op), &message});
    };
    if (const auto* serve = std::get_if<Serve>(&program.ops[op].action)) {
      for (const Message& push : serve->pushes) add(found.recvs, push);
      for (const Message& pull : serve->pulls) add(found.sends, pull);
    }
    const auto* exchange = std::get_if<Exchange>(&program.ops[op].action);
    if (exchange == nullptr) continue;
    if (exchange->send) add(found.sends, *exchange->send);
    if (exchange->recv) add(found.recvs, *exchange->recv);
  }
  return found;
}

/// Checks that every half in `mine` of `rank` has exactly one other half in `theirs`.
void match_halves(const Schedule& schedule, int rank, const Halves& mine, const std::vector<ProgramMessages>& all, bool sending,
                  std::set<std::tuple<int, int, int>>& seen, Problems& problems) {
  for (const auto& [key, halves] : mine) {
    const auto [axis, offset, id] = key;
    const int extent = axis == kAnyRank ? 1 : schedule.mesh.axes[static_cast<std::size_t>(axis)].extent;
    const int peer = schedule.mesh.neighbour(rank, axis, offset);
    const int my_class = schedule.class_of[static_cast<std::size_t>(rank)];
    const int peer_class = schedule.class_of[static_cast<std::size_t>(peer)];
    if (axis != kAnyRank && !seen.insert({my_class, halves.front().op * 2 + (sending ? 1 : 0), peer_class}).second)
      continue;  // same classes, same answer
    if (halves.size() > 1) {
      problems.push_back({rank, halves[1].op, "structure",
                          cat(sending ? "sends" : "receives", " message ", id, " a second time in one iteration")});
      continue;
    }
    const ProgramMessages& other = all[static_cast<std::size_t>(peer_class)];
    const Halves& theirs = sending ? other.recvs : other.sends;
    const auto found = theirs.find({axis, axis == kAnyRank ? rank : (extent - offset) % extent, id});
    if (found == theirs.end()) {
      problems.push_back({rank, halves.front().op, sending ? "missing receive" : "missing send",
                          sending ? cat("sends message ", id, " to rank ", peer, ", which never receives it")
                                  : cat("receives message ", id, " from rank ", peer, ", which never sends it")});
      continue;
    }
    const std::int64_t my_bytes =
        region_bytes(schedule.programs[static_cast<std::size_t>(my_class)], halves.front().message->region);
    const std::int64_t peer_bytes =
        region_bytes(schedule.programs[static_cast<std::size_t>(peer_class)], found->second.front().message->region);
    if (sending && my_bytes != peer_bytes)
      problems.push_back({rank, halves.front().op, "size mismatch",
                          cat("sends ", my_bytes, " bytes in message ", id, " to rank ", peer, ", which expects ", peer_bytes)});
  }
}

/// The collectives of a program over an axis, by id, with their ops.
using Collectives = std::map<int, std::pair<int, const Collective*>>;

Collectives collectives_over(const Program& program, int axis, int rank, Problems& problems) {
  Collectives found;
  for (std::size_t op = 0; op < program.ops.size(); ++op) {
    const auto* collective = std::get_if<Collective>(&program.ops[op].action);
    if (collective == nullptr || collective->axis != axis) continue;
    if (!found.try_emplace(collective->id, static_cast<int>(op), collective).second)
      problems.push_back({rank, static_cast<int>(op), "structure",
                          cat("uses collective id ", collective->id, " a second time in one iteration")});
  }
  return found;
}

void report_missing(int a, const Collectives& of_a, int b, const Collectives& of_b, Problems& problems) {
  for (const auto& [id, mine] : of_a)
    if (!of_b.contains(id))
      problems.push_back(
          {a, mine.first, "collective mismatch",
           cat("takes part in ", to_string(mine.second->kind), " ", id, ", in which rank ", b, " of its group does not")});
}

/// Compares the collectives of two ranks that are members of the same groups along `axis`.
void match_collectives(const Schedule& schedule, int axis, int a, int b, Problems& problems) {
  const Program& pa = schedule.program(a);
  const Program& pb = schedule.program(b);
  const Collectives of_a = collectives_over(pa, axis, a, problems);
  const Collectives of_b = collectives_over(pb, axis, b, problems);
  report_missing(a, of_a, b, of_b, problems);
  report_missing(b, of_b, a, of_a, problems);
  std::map<int, std::pair<int, int>> in_order;  // op of a -> (op of b, stream of a), so in the order of a's list
  for (const auto& [id, entry] : of_a) {
    const auto found = of_b.find(id);
    if (found == of_b.end()) continue;
    const auto& [op, mine] = entry;
    const auto& [other_op, theirs] = found->second;
    in_order[op] = {other_op, pa.ops[static_cast<std::size_t>(op)].stream};
    const std::string name = cat(to_string(mine->kind), " ", id);
    if (mine->kind != theirs->kind || mine->algorithm != theirs->algorithm || mine->root != theirs->root ||
        mine->chunks != theirs->chunks || mine->bounds != theirs->bounds || mine->channels != theirs->channels ||
        mine->ranks_per_node != theirs->ranks_per_node)
      problems.push_back({a, op, "collective mismatch",
                          cat("runs ", name, " by other rules than rank ", b,
                              " (kind, algorithm, root, chunks, bounds, channels or ranks in a node)")});
    if (region_bytes(pa, mine->region) != region_bytes(pb, theirs->region) ||
        mine->region.slice.count != theirs->region.slice.count)
      problems.push_back({a, op, "size mismatch",
                          cat("has ", region_bytes(pa, mine->region), " bytes in ", name, " and rank ", b, " has ",
                              region_bytes(pb, theirs->region))});
  }
  std::map<int, int> last_on_stream;  // stream of a -> op of b that stood there last
  for (const auto& [op, partner] : in_order) {
    const auto& [other_op, stream] = partner;
    const auto [last, fresh] = last_on_stream.try_emplace(stream, other_op);
    if (!fresh && last->second > other_op &&
        pb.ops[static_cast<std::size_t>(last->second)].stream == pb.ops[static_cast<std::size_t>(other_op)].stream)
      problems.push_back({a, op, "collective mismatch", cat("runs its collectives in another order than rank ", b)});
    last->second = other_op;
  }
}

}  // namespace

Problems check_matching(const Schedule& schedule) {
  Problems problems;
  std::vector<ProgramMessages> messages;
  for (const Program& program : schedule.programs) messages.push_back(messages_of(schedule, program));
  std::set<std::tuple<int, int, int>> seen;
  std::set<std::tuple<int, int, int>> compared;
  for (int rank = 0; rank < schedule.world_size(); ++rank) {
    const int mine = schedule.class_of[static_cast<std::size_t>(rank)];
    match_halves(schedule, rank, messages[static_cast<std::size_t>(mine)].sends, messages, true, seen, problems);
    match_halves(schedule, rank, messages[static_cast<std::size_t>(mine)].recvs, messages, false, seen, problems);
    for (int axis = 0; axis < static_cast<int>(schedule.mesh.axes.size()); ++axis) {
      const int first = schedule.mesh.neighbour(rank, axis, -schedule.mesh.coordinate(rank, axis));
      const int theirs = schedule.class_of[static_cast<std::size_t>(first)];
      if (first != rank && compared.insert({axis, mine, theirs}).second) match_collectives(schedule, axis, rank, first, problems);
    }
  }
  return problems;
}

}  // namespace convoy
