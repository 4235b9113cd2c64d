#include "reference/schedule/one_collective.h"

#include <cstdint>
#include <string>

namespace convoy {

Schedule schedule_of_collective(const Collective& collective, int ranks, int jobs) {
  // A shape has ints, so a long buffer is spread over two of them.
  const std::int64_t count = collective.region.slice.count;
  const std::int64_t rows = count <= INT32_MAX ? 1 : (count + INT32_MAX - 1) / INT32_MAX;
  const std::int64_t row = (count + rows - 1) / rows;
  Program program;
  program.buffers.push_back({.name = "data",
                             .kind = BufferKind::weights,
                             .dtype = DType::f32,
                             .shape = {1, static_cast<int>(row), static_cast<int>(rows), 1}});
  program.ops.push_back(
      {.name = std::string(to_string(collective.kind)), .stream = kCommunicationStream, .after = {}, .action = collective});
  Schedule schedule;
  schedule.model = "none";
  schedule.plan = "collective";
  schedule.mesh = {{{"rank", ranks}}};
  if (jobs > 1) schedule.mesh.axes.push_back({"job", jobs});
  schedule.programs = {program};
  schedule.class_of.assign(static_cast<std::size_t>(ranks) * static_cast<std::size_t>(jobs), 0);
  return schedule;
}

}  // namespace convoy
