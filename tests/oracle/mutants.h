/// Mutants of a schedule: one communication op changed, everything else as it was.
#pragma once

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "reference/core/error.h"
#include "reference/exec/post_office.h"
#include "reference/schedule/dry_run.h"
#include "reference/schedule/schedule.h"
#include "tests/oracle/planned.h"

namespace convoy::tests {

/// What one communication is called in every class of ranks that takes part in it.
struct Communication {
  bool exchange = false;
  int axis = 0;
  int id = 0;
  std::string name;  ///< of its op in the first class that has it
};

enum class Change : std::uint8_t {
  deletion,               ///< in all classes, so that ranks still agree and only the numbers can tell
  deletion_on_one_class,  ///< the others wait for ever
  halving,                ///< of what has arrived, or been summed
  doubling,               ///< of a reduction
  other_slice,            ///< an exchange sends what stands beside
};

inline std::string_view to_string(Change change) {
  constexpr std::array kNames = {"deleted", "deleted on one class", "halved", "reduced twice", "sends another slice"};
  return kNames.at(static_cast<std::size_t>(change));
}

struct Mutant {
  std::string label;  ///< "conv2.x.all_gather halved"
  Change change = Change::deletion;
  Schedule schedule;
};

namespace mutants {

/// What an op has in common with its counterparts on other ranks; nothing for compute ops.
inline std::optional<std::tuple<bool, int, int>> key_of(const Op& op) {
  if (const auto* collective = std::get_if<Collective>(&op.action)) return std::tuple{false, collective->axis, collective->id};
  const auto* exchange = std::get_if<Exchange>(&op.action);
  if (exchange == nullptr) return {};
  const Message& message = exchange->send ? *exchange->send : *exchange->recv;
  return std::tuple{true, message.peer.axis, message.id};
}

inline std::vector<Communication> communications(const Schedule& schedule) {
  std::vector<Communication> all;
  std::set<std::tuple<bool, int, int>> seen;
  for (const Program& program : schedule.programs)
    for (const Op& op : program.ops)
      if (const auto key = key_of(op); key && seen.insert(*key).second)
        all.push_back({std::get<0>(*key), std::get<1>(*key), std::get<2>(*key), op.name});
  return all;
}

/// The op of a program that takes part; -1 when none does.
inline int find(const Program& program, const Communication& what) {
  for (std::size_t i = 0; i < program.ops.size(); ++i)
    if (key_of(program.ops[i]) == std::tuple{what.exchange, what.axis, what.id}) return static_cast<int>(i);
  return -1;
}

/// Inserts an op behind another; what came after that one now comes after both.
inline void insert_behind(Program& program, int before, Op extra) {
  extra.after = {before};
  extra.stream = program.ops[static_cast<std::size_t>(before)].stream;
  for (std::size_t i = static_cast<std::size_t>(before) + 1; i < program.ops.size(); ++i)
    for (int& id : program.ops[i].after) id = id >= before ? id + 1 : id;
  program.ops.insert(program.ops.begin() + before + 1, std::move(extra));
}

inline bool erase(Program& program, int op) {
  program.ops[static_cast<std::size_t>(op)].name = kMutantNothing;
  program.ops[static_cast<std::size_t>(op)].action = Compute{ComputeKind::join, -1, {}, {}};
  return true;
}

inline bool halve(Program& program, int op) {
  const Op& moved = program.ops[static_cast<std::size_t>(op)];
  Region region;
  if (const auto* exchange = std::get_if<Exchange>(&moved.action)) {
    if (!exchange->recv) return false;
    region = exchange->recv->region;
  } else {
    region = std::get<Collective>(moved.action).region;
  }
  insert_behind(program, op,
                {kMutantScale, 0, {}, Compute{ComputeKind::zero, -1, {{Role::gradients, Access::update, region}}, {}}});
  return true;
}

inline bool repeat(Program& program, int op) {
  Op again = program.ops[static_cast<std::size_t>(op)];
  auto* collective = std::get_if<Collective>(&again.action);
  if (collective == nullptr || collective->kind == CollectiveKind::all_gather || collective->kind == CollectiveKind::broadcast)
    return false;
  collective->id += 500'000;
  insert_behind(program, op, std::move(again));
  return true;
}

/// Moves a slice by one, or by as much as it is long, where there is room.
inline bool shift(Slice& slice, const Slice& room) {
  for (const std::int64_t by : {std::int64_t{1}, std::int64_t{-1}}) {
    if (slice.offset + by < room.offset || slice.end() + by > room.end()) continue;
    slice.offset += by;
    return true;
  }
  return false;
}

/// Sends what stands beside: in the buffer where the slice lies, or, where that was packed for sending, in what it was packed
/// from.
inline bool send_another_slice(Program& program, int op) {
  auto* exchange = std::get_if<Exchange>(&program.ops[static_cast<std::size_t>(op)].action);
  if (exchange == nullptr || !exchange->send) return false;
  Region& region = exchange->send->region;
  if (shift(region.slice, {0, program.buffers[static_cast<std::size_t>(region.buffer)].shape.count()})) return true;
  for (Op& other : program.ops) {
    auto* compute = std::get_if<Compute>(&other.action);
    if (compute == nullptr || compute->kind != ComputeKind::copy) continue;
    for (Operand& y : compute->operands) {
      if (y.role != Role::y || y.region.buffer != region.buffer) continue;
      for (const Operand& x : compute->operands)
        if (x.role == Role::x && intersection(x.box, y.box) == y.box &&
            (shift(y.box.h, x.box.h) || shift(y.box.c, x.box.c) || shift(y.box.n, x.box.n)))
          return true;
    }
  }
  return false;
}

}  // namespace mutants

/// The mutant; nothing when the change cannot be made to this communication.
inline std::optional<Mutant> mutant_of(const Schedule& good, const Communication& what, Change change) {
  Mutant mutant{cat(what.name, " ", to_string(change)), change, good};
  std::vector<std::pair<Program*, int>> places;
  for (Program& program : mutant.schedule.programs)
    if (const int op = mutants::find(program, what); op >= 0) places.emplace_back(&program, op);
  if (change == Change::deletion_on_one_class) {
    if (places.size() < 2) return {};
    mutants::erase(*places.back().first, places.back().second);
    return mutant;
  }
  bool changed = false;
  for (const auto& [program, op] : places) switch (change) {
      case Change::halving: changed = mutants::halve(*program, op) || changed; break;
      case Change::doubling: changed = mutants::repeat(*program, op) || changed; break;
      case Change::other_slice: changed = mutants::send_another_slice(*program, op) || changed; break;
      default: changed = mutants::erase(*program, op); break;
    }
  if (!changed) return {};
  return mutant;
}

/// Every change of every communication.
inline std::vector<Mutant> mutants_of(const Schedule& good, const std::vector<Change>& changes) {
  std::vector<Mutant> all;
  for (const Communication& what : mutants::communications(good))
    for (const Change change : changes)
      if (auto mutant = mutant_of(good, what, change)) all.push_back(std::move(*mutant));
  return all;
}

/// What became of a run of a mutant.
enum class Outcome : std::uint8_t {
  equal,    ///< it ended with the right numbers: the comparison does not see the mutant
  wrong,    ///< it ended with others
  stopped,  ///< by an error, or by a message that never comes
  late,     ///< a message did not come for minutes, and the dry run says that it would: nothing is known of the mutant
};

/// Runs a mutant. `run(time_out_s)` returns whether all numbers are right. How fast the machine is decides nothing: a time-out is
/// short only where the dry run has shown that ranks wait for ever, so that no mutant counts as stopped that is only slow.
template <class Run>
Outcome outcome_of(const Schedule& mutant, const Run& run) {
  constexpr double kHardly_s = 0.3, kMinutes_s = 600;
  const bool waits_for_ever = !find_deadlocks(mutant).empty();
  try {
    return run(waits_for_ever ? kHardly_s : kMinutes_s) ? Outcome::equal : Outcome::wrong;
  } catch (const TimedOut&) {
    return waits_for_ever ? Outcome::stopped : Outcome::late;
  } catch (const std::exception&) {
    return Outcome::stopped;
  }
}

/// Whether the comparison has seen the mutant.
inline bool is_found(Outcome outcome) { return outcome == Outcome::wrong || outcome == Outcome::stopped; }

}  // namespace convoy::tests
