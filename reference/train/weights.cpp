#include "reference/train/weights.h"

#include <algorithm>
#include <map>

#include "reference/core/error.h"
#include "reference/plans/served_schedule.h"

namespace convoy {
namespace {

/// A parameter's part in a rank's flat buffer. The ops of a program say where each lies.
struct Held {
  const Parameter* parameter;
  Box box;
  std::int64_t offset;
};

bool is_weight(Role role) { return role == Role::weight || role == Role::bias; }
bool is_state(Role role) { return role == Role::running_mean || role == Role::running_var; }

std::string_view suffix_of(Role role) {
  switch (role) {
    case Role::weight: return ".weight";
    case Role::bias: return ".bias";
    case Role::running_mean: return ".running_mean";
    default: return ".running_var";
  }
}

std::vector<Held> held_by(const std::vector<Parameter>& all, const Program& program, bool (*wanted)(Role)) {
  std::vector<Held> held;
  std::map<std::pair<int, Role>, bool> seen;
  for (const Op& op : program.ops) {
    const auto* compute = std::get_if<Compute>(&op.action);
    if (compute == nullptr) continue;
    for (const Operand& operand : compute->operands) {
      if (!wanted(operand.role) || !seen.try_emplace({compute->node, operand.role}, true).second) continue;
      for (const Parameter& parameter : all)
        if (parameter.node == compute->node && parameter.name.ends_with(suffix_of(operand.role)))
          held.push_back({&parameter, operand.box, operand.region.slice.offset});
    }
  }
  return held;
}

/// visit(index in the rank's buffer, index in the flat values of the model) for every value that the rank holds.
template <class Visit>
void for_each_value(const std::vector<Held>& held, const Visit& visit) {
  for (const Held& part : held) {
    const Box whole = box_of(part.parameter->shape);
    std::int64_t local = part.offset;
    Box row = part.box;  // consecutive in both
    row.n.count = row.c.count = 1;
    for (std::int64_t n = part.box.n.offset; n < part.box.n.end(); ++n)
      for (std::int64_t c = part.box.c.offset; c < part.box.c.end(); ++c) {
        row.n.offset = n;
        row.c.offset = c;
        const std::int64_t full = part.parameter->offset + offset_of(row, whole);
        for (std::int64_t i = 0; i < row.count(); ++i)
          visit(static_cast<std::size_t>(local + i), static_cast<std::size_t>(full + i));
        local += row.count();
      }
  }
}

std::int64_t count_of(const std::vector<Held>& held) {
  std::int64_t count = 0;
  for (const Held& part : held) count = std::max(count, part.offset + part.box.count());
  return count;
}

std::vector<double> local_part(const std::vector<Held>& held, const std::vector<double>& full, std::int64_t expected) {
  require(std::ssize(full) == expected, "local_weights", full.size(), " values, the model has ", expected);
  std::vector<double> local(static_cast<std::size_t>(count_of(held)));
  for_each_value(held, [&](std::size_t mine, std::size_t all) { local[mine] = full[all]; });
  return local;
}

void place(const std::vector<Held>& held, const std::vector<double>& local, std::vector<double>& full, std::int64_t expected) {
  require(std::ssize(local) >= count_of(held), "place_weights", local.size(), " values, the rank holds ", count_of(held));
  full.resize(static_cast<std::size_t>(expected));
  for_each_value(held, [&](std::size_t mine, std::size_t all) { full[all] = local[mine]; });
}

}  // namespace

namespace {

std::int64_t count_of(const std::vector<Slice>& parts) {
  std::int64_t count = 0;
  for (const Slice& part : parts) count += part.count;
  return count;
}

/// Whether a rank has nothing but its own part of the weights from step to step.
bool keeps_a_part(const Program& program) {
  const auto weights = std::ranges::find(program.buffers, "weights", &Buffer::name);
  return !program.owned.empty() && weights != program.buffers.end() && element_count(*weights) == count_of(program.owned);
}

std::vector<double> owned_part(const Program& program, const std::vector<double>& full) {
  std::vector<double> local;
  for (const Slice& part : program.owned) local.insert(local.end(), full.begin() + part.offset, full.begin() + part.end());
  return local;
}

void place_owned(const Program& program, const std::vector<double>& local, std::vector<double>& full, std::int64_t expected) {
  require(std::ssize(local) == count_of(program.owned), "place_weights", local.size(), " values of ", count_of(program.owned));
  full.resize(static_cast<std::size_t>(expected));
  auto next = local.begin();
  for (const Slice& part : program.owned) {
    std::copy_n(next, part.count, full.begin() + part.offset);
    next += part.count;
  }
}

}  // namespace

std::vector<double> local_weights(const Model& model, const Schedule& schedule, int rank, const std::vector<double>& full) {
  if (keeps_a_part(schedule.program(rank))) return owned_part(schedule.program(rank), full);
  const std::vector<Parameter> all = parameters(model);
  return local_part(held_by(all, schedule.program(rank), is_weight), full, parameter_count(model));
}

std::vector<double> local_states(const Model& model, const Schedule& schedule, int rank, const std::vector<double>& full) {
  const std::vector<Parameter> all = states(model);
  return local_part(held_by(all, schedule.program(rank), is_state), full, state_count(model));
}

void place_weights(const Model& model, const Schedule& schedule, int rank, const std::vector<double>& local,
                   std::vector<double>& full) {
  if (keeps_a_part(schedule.program(rank))) return place_owned(schedule.program(rank), local, full, parameter_count(model));
  const std::vector<Parameter> all = parameters(model);
  place(held_by(all, schedule.program(rank), is_weight), local, full, parameter_count(model));
}

void place_states(const Model& model, const Schedule& schedule, int rank, const std::vector<double>& local,
                  std::vector<double>& full) {
  const std::vector<Parameter> all = states(model);
  place(held_by(all, schedule.program(rank), is_state), local, full, state_count(model));
}

std::optional<Slice> served_weights(const Schedule& schedule, int rank) {
  const Serve* serve = serve_of(schedule.program(rank));
  if (serve == nullptr) return {};
  return Slice{serve->first, serve->pulls.at(0).region.slice.count};
}

namespace {

void write_served(const RankMemory& memory, const char* buffer, const Schedule& schedule, int rank,
                  const std::vector<double>& full) {
  if (const std::optional<Slice> part = served_weights(schedule, rank); part && !full.empty())
    write_values(memory, buffer, {full.begin() + part->offset, full.begin() + part->end()});
}

}  // namespace

void set_weights(const RankMemory& memory, const Model& model, const Schedule& schedule, int rank,
                 const std::vector<double>& full) {
  write_values(memory, "weights", local_weights(model, schedule, rank, full));
  write_served(memory, kServerWeights, schedule, rank, full);
}

void set_momentum(const RankMemory& memory, const Model& model, const Schedule& schedule, int rank,
                  const std::vector<double>& full) {
  const Program& program = schedule.program(rank);
  if (memory.has("momentum"))
    write_values(memory, "momentum",
                 program.owned.empty() ? local_weights(model, schedule, rank, full) : owned_part(program, full));
  write_served(memory, kServerMomentum, schedule, rank, full);
}

void place_momentum(const Model& model, const Schedule& schedule, int rank, const std::vector<double>& local,
                    std::vector<double>& full) {
  const Program& program = schedule.program(rank);
  if (program.owned.empty()) return place_weights(model, schedule, rank, local, full);
  place_owned(program, local, full, parameter_count(model));
}

void place_served(const Schedule& schedule, int rank, const std::vector<double>& local, std::vector<double>& full) {
  const std::optional<Slice> part = served_weights(schedule, rank);
  if (!part) return;
  require(std::ssize(local) == part->count && std::ssize(full) >= part->end(), "place_served", local.size(), " values of server ",
          rank, ", which keeps ", part->count);
  std::ranges::copy(local, full.begin() + part->offset);
}

void write_values(const RankMemory& memory, const std::string& buffer, const std::vector<double>& values) {
  if (values.empty()) return;
  if (memory.persistent_dtype(buffer) == DType::f64) {
    std::ranges::copy(values, memory.persistent<double>(buffer).begin());
  } else {
    std::ranges::transform(values, memory.persistent<float>(buffer).begin(), [](double v) { return static_cast<float>(v); });
  }
}

std::vector<double> read_values(const RankMemory& memory, const std::string& buffer) {
  if (!memory.has(buffer)) return {};
  if (memory.persistent_dtype(buffer) == DType::f64) {
    const auto held = memory.persistent<double>(buffer);
    return {held.begin(), held.end()};
  }
  const auto held = memory.persistent<float>(buffer);
  return {held.begin(), held.end()};
}

}  // namespace convoy
