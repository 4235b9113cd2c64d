#include "simulator/report/memory_report.h"

#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

double share(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

std::string name_of_peak_op(const Schedule& schedule, const RankWithMostMemory& needed) {
  return schedule.program(needed.rank).ops.at(static_cast<std::size_t>(needed.memory.peak_op)).name;
}

}  // namespace

RankWithMostMemory most_memory(const Schedule& schedule) { return most_memory(schedule, schedule.world_size()); }

RankWithMostMemory most_memory(const Schedule& schedule, int ranks) {
  require(ranks > 0 && ranks <= schedule.world_size(), "most_memory", ranks, " of the schedule's ", schedule.world_size(), " ranks");
  std::vector<Memory> of_class;
  for (const Program& program : schedule.programs) of_class.push_back(memory_of(program));
  RankWithMostMemory most{0, of_class.at(static_cast<std::size_t>(schedule.class_of[0]))};
  for (int rank = 1; rank < ranks; ++rank) {
    const Memory& memory = of_class.at(static_cast<std::size_t>(schedule.class_of[static_cast<std::size_t>(rank)]));
    if (memory.arena_bytes > most.memory.arena_bytes) most = {rank, memory};
  }
  return most;
}

std::string memory_table(const Schedule& schedule, const RankWithMostMemory& needed, std::int64_t device_bytes) {
  const Memory& memory = needed.memory;
  Table table({{cat("memory of rank ", needed.rank), Align::left}, {"bytes"}, {"share"}});
  const auto row = [&](std::string name, std::int64_t bytes) {
    table.add_row({std::move(name), format_bytes(static_cast<double>(bytes)), format_percent(share(bytes, memory.arena_bytes))});
  };
  for (std::size_t kind = 0; kind < memory.bytes_of_kind.size(); ++kind)
    if (memory.bytes_of_kind[kind] > 0) row(std::string(to_string(static_cast<BufferKind>(kind))), memory.bytes_of_kind[kind]);
  if (memory.in_flight_bytes > 0) row("sent, not yet known to have arrived", memory.in_flight_bytes);
  row("lost between buffers", memory.arena_bytes - memory.peak_bytes - memory.in_flight_bytes);
  table.add_rule();
  row("needed", memory.arena_bytes);
  std::string text = table.to_string() + cat("most is alive at '", name_of_peak_op(schedule, needed), "'");
  if (device_bytes > 0) {
    text += cat("; that is ", format_percent(share(memory.arena_bytes, device_bytes)), " of the device's ",
                format_bytes(static_cast<double>(device_bytes)));
  }
  return text + "\n";
}

nlohmann::ordered_json memory_json(const Schedule& schedule, const RankWithMostMemory& needed, std::int64_t device_bytes) {
  nlohmann::ordered_json kinds;
  for (std::size_t kind = 0; kind < needed.memory.bytes_of_kind.size(); ++kind)
    kinds[std::string(to_string(static_cast<BufferKind>(kind)))] = needed.memory.bytes_of_kind[kind];
  nlohmann::ordered_json json = {{"rank", needed.rank},
                                 {"peak_bytes", needed.memory.peak_bytes},
                                 {"in_flight_bytes", needed.memory.in_flight_bytes},
                                 {"arena_bytes", needed.memory.arena_bytes},
                                 {"peak_op", name_of_peak_op(schedule, needed)},
                                 {"bytes_of_kind", kinds},
                                 {"device_bytes", nullptr}};
  if (device_bytes > 0) json["device_bytes"] = device_bytes;
  return json;
}

}  // namespace convoy
