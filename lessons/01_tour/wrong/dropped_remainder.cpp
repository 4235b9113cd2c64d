// expect: the remainder of the division is lost
#include "exercise.h"

namespace convoy::lesson {

/// Divides whole numbers, and loses what is left over.
std::int64_t bytes_sent(const Schedule& schedule, int rank) {
  const Program& program = schedule.program(rank);
  std::int64_t bytes = 0;
  for (const Op& op : program.ops) {
    const auto* collective = std::get_if<Collective>(&op.action);
    if (collective == nullptr) continue;
    const CollectiveRequest request = request_of(schedule, rank, *collective);
    const std::int64_t n = request.world_size;
    const std::int64_t element = size_bytes(program.buffers[static_cast<std::size_t>(collective->region.buffer)].dtype);
    bytes += 2 * (n - 1) * (request.count / n) * element;
  }
  return bytes;
}

}  // namespace convoy::lesson
