#include "reference/schedule/validate.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "reference/core/error.h"
#include "reference/schedule/dry_run.h"
#include "reference/schedule/mean_check.h"
#include "reference/schedule/memory.h"
#include "reference/schedule/order.h"
#include "reference/schedule/serve_check.h"

namespace convoy {
namespace {

using Problems = std::vector<Problem>;

/// The first rank of each class, -1 for a class without ranks.
std::vector<int> first_ranks(const Schedule& schedule) {
  std::vector<int> first(schedule.programs.size(), -1);
  for (int r = schedule.world_size() - 1; r >= 0; --r)
    first[static_cast<std::size_t>(schedule.class_of[static_cast<std::size_t>(r)])] = r;
  return first;
}

// ---- structure

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
    return {{-1, -1, "structure", cat("has ", schedule.servers, " servers behind the ranks that divide the batch; one must be left")}};
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

// ---- matching

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
    const auto add = [&](Halves& halves, const Message& message) { halves[key(message)].push_back({static_cast<int>(op), &message}); };
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

// ---- data, races, gradients

struct Touch {
  int op;
  Slice slice;
  bool write;
};

/// What a rank needs to have in the region of a collective before it begins.
Region needed_before(const Schedule& schedule, int rank, const Collective& collective) {
  const CollectiveRequest request = request_of(schedule, rank, collective);
  Region needed = collective.region;
  if (collective.kind == CollectiveKind::all_gather) {
    const Slice mine = part_of(request, request.rank);
    needed.slice = {needed.slice.offset + mine.offset, mine.count};
  } else if (collective.kind == CollectiveKind::broadcast && request.rank != collective.root) {
    needed.slice.count = 0;
  }
  return needed;
}

std::vector<std::vector<Touch>> touches_of(const Schedule& schedule, const Program& program, int rank) {
  std::vector<std::vector<Touch>> touches(program.buffers.size());
  for (std::size_t op = 0; op < program.ops.size(); ++op) {
    auto [reads, writes] = regions_of(program.ops[op]);
    if (const auto* collective = std::get_if<Collective>(&program.ops[op].action))
      reads = {needed_before(schedule, rank, *collective)};
    for (const Region& r : reads) touches[static_cast<std::size_t>(r.buffer)].push_back({static_cast<int>(op), r.slice, false});
    for (const Region& w : writes) touches[static_cast<std::size_t>(w.buffer)].push_back({static_cast<int>(op), w.slice, true});
  }
  return touches;
}

bool overlap(const Slice& a, const Slice& b) { return a.offset < b.end() && b.offset < a.end(); }

/// Whether the union of `parts` covers `whole`.
bool covers(std::vector<Slice> parts, const Slice& whole) {
  std::sort(parts.begin(), parts.end(), [](const Slice& a, const Slice& b) { return a.offset < b.offset; });
  std::int64_t reached = whole.offset;
  for (const Slice& part : parts) {
    if (part.offset > reached) break;
    reached = std::max(reached, part.end());
  }
  return reached >= whole.end();
}

void check_data(const Program& program, int rank, const ProgramOrder& order, const std::vector<std::vector<Touch>>& touches,
                Problems& problems) {
  for (std::size_t b = 0; b < touches.size(); ++b) {
    if (is_persistent(program.buffers[b].kind)) continue;
    for (const Touch& read : touches[b]) {
      if (read.write || read.slice.count == 0) continue;
      std::vector<Slice> written;
      for (const Touch& write : touches[b])
        if (write.write && write.op != read.op && order.before(write.op, read.op)) written.push_back(write.slice);
      if (!covers(written, read.slice))
        problems.push_back({rank, read.op, "read before write",
                            cat("reads ", program.buffers[b].name, "[", read.slice.offset, "+", read.slice.count,
                                "], not all of which is sure to have been written in this iteration")});
    }
  }
}

void check_races(const Program& program, int rank, const ProgramOrder& order, const std::vector<std::vector<Touch>>& touches,
                 Problems& problems) {
  std::set<std::pair<int, int>> reported;
  for (std::size_t b = 0; b < touches.size(); ++b)
    for (std::size_t i = 0; i < touches[b].size(); ++i)
      for (std::size_t j = 0; j < touches[b].size(); ++j) {
        const Touch& one = touches[b][i];
        const Touch& two = touches[b][j];
        if (!(one.write || two.write) || !overlap(one.slice, two.slice)) continue;
        const bool this_iteration = one.op == two.op || order.before(one.op, two.op) || order.before(two.op, one.op);
        const bool next_iteration = order.before(one.op, two.op, true);
        if (this_iteration && next_iteration) continue;
        if (!reported.insert(std::minmax(one.op, two.op)).second) continue;
        const int first = std::min(one.op, two.op);
        const int second = std::max(one.op, two.op);
        problems.push_back(
            {rank, second, "race",
             cat("and op ", first, " (", program.ops[static_cast<std::size_t>(first)].name, ") touch the same elements of ",
                 program.buffers[b].name, ", one of them writing, with no order between them",
                 this_iteration ? " from one iteration to the next" : "")});
      }
}

/// The gradients of one update: what was done to them before.
class UpdateCheck {
 public:
  UpdateCheck(const Schedule& schedule, const Program& program, int rank, const ProgramOrder& order,
              const std::vector<std::vector<Touch>>& touches, int update, const Region& gradients)
      : schedule_(schedule),
        program_(program),
        rank_(rank),
        order_(order),
        touches_(touches),
        update_(update),
        gradients_(gradients) {
    find_places();
  }

  void run(const std::vector<int>& axes, Problems& problems) {
    problems_ = &problems;
    for (int axis = 0; axis < static_cast<int>(schedule_.mesh.axes.size()); ++axis) {
      const bool wanted = std::find(axes.begin(), axes.end(), axis) != axes.end();
      const std::string& name = schedule_.mesh.axes[static_cast<std::size_t>(axis)].name;
      if (schedule_.mesh.axes[static_cast<std::size_t>(axis)].extent == 1) continue;
      if (!wanted && axis == schedule_.batch_axis && schedule_.local_steps == 0)
        complain(cat("which does not claim to be summed over axis '", name, "', which divides the batch"));
      check_axis(axis, name, wanted);
    }
    check_writes_after_conversion();
  }

 private:
  /// A region that holds the same gradients, in the same order: the flat buffer, or 16-bit copies of it.
  struct Place {
    Region region;
    int convert = -1;  ///< the op that brought them back from here
  };

  [[nodiscard]] const Op& op(int id) const { return program_.ops[static_cast<std::size_t>(id)]; }
  void complain(const std::string& what) const {
    if (!said_.insert(what).second) return;
    problems_->push_back({rank_, update_, "unreduced gradient",
                          cat("uses ", program_.buffers[static_cast<std::size_t>(gradients_.buffer)].name, "[",
                              gradients_.slice.offset, "+", gradients_.slice.count, "], ", what)});
  }
  [[nodiscard]] const Compute* convert_at(std::size_t id) const {
    const auto* compute = std::get_if<Compute>(&program_.ops[id].action);
    return compute != nullptr && compute->kind == ComputeKind::convert && compute->operands.size() == 2 ? compute : nullptr;
  }

  void find_places() {
    places_.push_back({gradients_, -1});
    for (std::size_t id = 0; id < program_.ops.size(); ++id) {
      const Compute* convert = convert_at(id);
      if (convert == nullptr || !(convert->operands[1].region == gradients_) || !order_.before(static_cast<int>(id), update_))
        continue;
      places_.push_back({convert->operands[0].region, static_cast<int>(id)});
    }
  }

  void check_axis(int axis, const std::string& name, bool wanted) {
    std::vector<std::pair<int, Slice>> reductions;  // op and what it sums, as a slice of the flat buffer
    for (std::size_t id = 0; id < program_.ops.size(); ++id) {
      const auto* collective = std::get_if<Collective>(&program_.ops[id].action);
      if (collective == nullptr || collective->axis != axis) continue;
      if (collective->kind != CollectiveKind::all_reduce && collective->kind != CollectiveKind::reduce &&
          collective->kind != CollectiveKind::reduce_scatter)
        continue;
      for (const Place& place : places_) {
        if (collective->region.buffer != place.region.buffer || !overlap(collective->region.slice, place.region.slice)) continue;
        Slice slice = collective->region.slice;
        if (collective->kind == CollectiveKind::reduce_scatter) {
          const CollectiveRequest request = request_of(schedule_, rank_, *collective);
          const Slice mine = part_of(request, request.rank);
          slice = {slice.offset + mine.offset, mine.count};
        }
        reductions.emplace_back(static_cast<int>(id),
                                Slice{slice.offset - place.region.slice.offset + gradients_.slice.offset, slice.count});
        if (collective->kind == CollectiveKind::reduce && schedule_.mesh.coordinate(rank_, axis) != collective->root)
          complain(cat("which op ", id, " sums at another rank"));
        check_writes_after(static_cast<int>(id), collective->region, place.convert);
        if (place.convert >= 0 && !order_.before(static_cast<int>(id), place.convert))
          complain(cat("which op ", place.convert, " brings back before op ", id, " has summed it"));
      }
    }
    add_payloads(axis, reductions);
    if (!wanted) {
      if (!reductions.empty())
        complain(
            cat("which op ", reductions.front().first, " sums over axis '", name, "', where every rank has the whole of it"));
      return;
    }
    std::vector<Slice> before_update;
    for (std::size_t i = 0; i < reductions.size(); ++i) {
      if (order_.before(reductions[i].first, update_)) before_update.push_back(reductions[i].second);
      for (std::size_t j = 0; j < i; ++j)
        if (overlap(reductions[i].second, reductions[j].second))
          complain(cat("part of which ops ", reductions[j].first, " and ", reductions[i].first, " both reduce"));
    }
    if (!covers(before_update, gradients_.slice)) complain(cat("not all of which has been reduced over axis '", name, "'"));
  }

  /// Gradients that travel compressed are summed where payloads of all ranks along the axis are added up.
  void add_payloads(int axis, std::vector<std::pair<int, Slice>>& reductions) const {
    for (std::size_t id = 0; id < program_.ops.size(); ++id) {
      const auto* compute = std::get_if<Compute>(&program_.ops[id].action);
      if (compute == nullptr || compute->kind != ComputeKind::decompress || compute->operands.size() != 2) continue;
      const Region& payloads = compute->operands[0].region;
      const Region& sum = compute->operands[1].region;
      if (sum.buffer != gradients_.buffer || !overlap(sum.slice, gradients_.slice)) continue;
      for (std::size_t other = 0; other < program_.ops.size(); ++other) {
        const int at = static_cast<int>(other);
        if (const auto* gathered = std::get_if<Collective>(&program_.ops[other].action);
            gathered != nullptr && gathered->kind == CollectiveKind::all_gather && gathered->axis == axis &&
            gathered->region == payloads && order_.before(at, static_cast<int>(id)))
          reductions.emplace_back(static_cast<int>(id), sum.slice);
        const auto* compress = std::get_if<Compute>(&program_.ops[other].action);
        if (compress == nullptr || compress->kind != ComputeKind::compress || !(compress->operands[0].region == sum)) continue;
        for (const Touch& touch : touches_[static_cast<std::size_t>(sum.buffer)])
          if (touch.write && touch.op != static_cast<int>(id) && overlap(touch.slice, sum.slice) && !order_.before(touch.op, at))
            complain(cat("which op ", touch.op, " (", op(touch.op).name, ") still changes after op ", at, " has compressed it"));
      }
    }
  }

  void check_writes_after(int reduction, const Region& region, int convert_back) const {
    for (const Touch& touch : touches_[static_cast<std::size_t>(region.buffer)])
      if (touch.write && touch.op != convert_back && std::holds_alternative<Compute>(op(touch.op).action) &&
          overlap(touch.slice, region.slice) && !order_.before(touch.op, reduction))
        complain(cat("which op ", touch.op, " (", op(touch.op).name, ") still changes after op ", reduction, " has reduced it"));
  }

  /// Where 16-bit copies are summed, nothing may be added to the gradients once they were copied.
  void check_writes_after_conversion() const {
    for (std::size_t id = 0; id < program_.ops.size(); ++id) {
      const Compute* convert = convert_at(id);
      if (convert == nullptr || !(convert->operands[0].region == gradients_)) continue;
      for (const Touch& touch : touches_[static_cast<std::size_t>(gradients_.buffer)]) {
        if (!touch.write || !overlap(touch.slice, gradients_.slice) || convert_at(static_cast<std::size_t>(touch.op)) != nullptr)
          continue;
        if (!order_.before(touch.op, static_cast<int>(id)))
          complain(cat("which op ", touch.op, " (", op(touch.op).name, ") still changes after op ", id, " has copied it"));
      }
    }
  }

  const Schedule& schedule_;
  const Program& program_;
  int rank_;
  const ProgramOrder& order_;
  const std::vector<std::vector<Touch>>& touches_;
  int update_;
  Region gradients_;
  std::vector<Place> places_;
  Problems* problems_ = nullptr;
  mutable std::set<std::string> said_;  ///< an op that writes weight and bias gradients breaks a rule once
};

/// What an update uses must have been summed over the axes it says, exactly once each, and over no other.
void check_gradients(const Schedule& schedule, const Program& program, int rank, const ProgramOrder& order,
                     const std::vector<std::vector<Touch>>& touches, Problems& problems) {
  for (std::size_t u = 0; u < program.ops.size(); ++u) {
    const auto* update = std::get_if<Compute>(&program.ops[u].action);
    if (update == nullptr || update->kind != ComputeKind::update) continue;
    for (const Operand& operand : update->operands)
      if (operand.role == Role::gradients)
        UpdateCheck(schedule, program, rank, order, touches, static_cast<int>(u), operand.region)
            .run(update->summed_over, problems);
  }
}

/// Blocked buffers are used whole, by kernels that know them: they do not travel, and are put together with blocked ones only.
void check_layouts(const Program& program, int rank, Problems& problems) {
  const auto blocked = [&](const Region& region) {
    return program.buffers[static_cast<std::size_t>(region.buffer)].layout != BufferLayout::nchw;
  };
  for (std::size_t id = 0; id < program.ops.size(); ++id) {
    const auto complain = [&](const std::string& sentence) {
      problems.push_back({rank, static_cast<int>(id), "structure", sentence});
    };
    const auto [reads, writes] = regions_of(program.ops[id]);
    const auto* compute = std::get_if<Compute>(&program.ops[id].action);
    int count = 0;
    for (const auto* regions : {&reads, &writes})
      for (const Region& region : *regions) {
        if (!blocked(region)) continue;
        ++count;
        const Buffer& buffer = program.buffers[static_cast<std::size_t>(region.buffer)];
        if (compute == nullptr) complain(cat("moves '", buffer.name, "', which is blocked"));
        if (region.slice != Slice{0, element_count(buffer)}) complain(cat("uses a part of '", buffer.name, "', which is blocked"));
      }
    if (compute == nullptr) continue;
    const bool together = compute->kind == ComputeKind::copy || compute->kind == ComputeKind::sum;
    if (together && count != 0 && count != static_cast<int>(reads.size() + writes.size()))
      complain("puts blocked buffers together with others");
    if (compute->kind == ComputeKind::repack && count != 1) complain(cat("repacks between buffers of which ", count, " are blocked; one must be"));
  }
}

/// The boxes of an op must fit its regions, and what is put together must be whole.
void check_boxes(const Program& program, int rank, Problems& problems) {
  for (std::size_t id = 0; id < program.ops.size(); ++id) {
    const auto* compute = std::get_if<Compute>(&program.ops[id].action);
    if (compute == nullptr) continue;
    for (const Operand& operand : compute->operands) {
      if (operand.box == Box{}) continue;
      const BufferLayout layout = program.buffers[static_cast<std::size_t>(operand.region.buffer)].layout;
      if (const std::int64_t count = element_count(operand.box.shape(), layout); count != operand.region.slice.count)
        problems.push_back({rank, static_cast<int>(id), "structure",
                            cat(to_string(operand.role), " has ", operand.region.slice.count, " elements and a box of ", count)});
    }
    if (compute->kind != ComputeKind::copy) continue;
    for (const Operand& y : compute->operands) {
      if (y.role != Role::y) continue;
      std::int64_t found = 0;
      for (const Operand& x : compute->operands)
        if (x.role == Role::x) found += intersection(x.box, y.box).count();
      if (found != y.box.count())
        problems.push_back(
            {rank, static_cast<int>(id), "structure", cat("copies ", found, " of the ", y.box.count(), " elements of y")});
    }
  }
}

}  // namespace

std::vector<Problem> validate(const Schedule& schedule, std::int64_t device_memory_bytes) {
  if (Problems problems = check_structure(schedule); !problems.empty()) return problems;
  if (Problems problems = check_matching(schedule); !problems.empty()) return problems;
  if (Problems problems = find_deadlocks(schedule); !problems.empty()) return problems;

  Problems problems;
  const std::vector<int> rank_of_class = first_ranks(schedule);
  for (std::size_t c = 0; c < schedule.programs.size(); ++c) {
    const int rank = rank_of_class[c];
    if (rank < 0) continue;
    const Program& program = schedule.programs[c];
    const ProgramOrder order(program);
    const auto touches = touches_of(schedule, program, rank);
    check_data(program, rank, order, touches, problems);
    check_races(program, rank, order, touches, problems);
    check_gradients(schedule, program, rank, order, touches, problems);
    check_pushes(schedule, program, rank, problems);
    check_means(schedule, program, rank, order, problems);
    check_boxes(program, rank, problems);
    check_layouts(program, rank, problems);
    if (device_memory_bytes > 0)
      if (const std::int64_t needed = plan_memory(program).total_bytes; needed > device_memory_bytes)
        problems.push_back({rank, -1, "memory", cat("needs ", needed, " bytes and the device has ", device_memory_bytes)});
  }
  return problems;
}

std::string to_string(const Schedule& schedule, const Problem& problem) {
  std::string where;
  if (problem.rank >= 0) where = cat("rank ", problem.rank);
  if (problem.rank >= 0 && problem.op >= 0)
    where += cat(", op ", problem.op, " (", schedule.program(problem.rank).ops[static_cast<std::size_t>(problem.op)].name, ")");
  return cat(problem.rule, ": ", where, where.empty() ? "" : " ", problem.sentence);
}

void require_valid(const Schedule& schedule) {
  const std::vector<Problem> problems = validate(schedule);
  if (problems.empty()) return;
  std::string message = cat("[validate] the schedule has ", problems.size(), problems.size() == 1 ? " problem" : " problems");
  for (std::size_t i = 0; i < problems.size() && i < 3; ++i) message += "\n  " + to_string(schedule, problems[i]);
  throw std::invalid_argument(message);
}

}  // namespace convoy
