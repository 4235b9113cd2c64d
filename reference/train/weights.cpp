#include "reference/train/weights.h"

#include <algorithm>
#include <functional>
#include <map>

#include "reference/core/error.h"

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

std::vector<double> local_weights(const Model& model, const Schedule& schedule, int rank, const std::vector<double>& full) {
  const std::vector<Parameter> all = parameters(model);
  return local_part(held_by(all, schedule.program(rank), is_weight), full, parameter_count(model));
}

std::vector<double> local_states(const Model& model, const Schedule& schedule, int rank, const std::vector<double>& full) {
  const std::vector<Parameter> all = states(model);
  return local_part(held_by(all, schedule.program(rank), is_state), full, state_count(model));
}

void place_weights(const Model& model, const Schedule& schedule, int rank, const std::vector<double>& local,
                   std::vector<double>& full) {
  const std::vector<Parameter> all = parameters(model);
  place(held_by(all, schedule.program(rank), is_weight), local, full, parameter_count(model));
}

void place_states(const Model& model, const Schedule& schedule, int rank, const std::vector<double>& local,
                  std::vector<double>& full) {
  const std::vector<Parameter> all = states(model);
  place(held_by(all, schedule.program(rank), is_state), local, full, state_count(model));
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
