// expect: bytes_sent returns 0 so far
#include "exercise.h"

namespace convoy::lesson {

std::int64_t bytes_sent(const Schedule& schedule, int rank) {
  const Program& program = schedule.program(rank);
  std::int64_t bytes = 0;
  for (const Op& op : program.ops) {
    const auto* collective = std::get_if<Collective>(&op.action);
    if (collective == nullptr) continue;  // it computes and sends nothing
    // Your lines come here. What helps:
    //   request_of(schedule, rank, *collective)                                  what the collective asks of this rank
    //   collective_algorithm(collective->kind, collective->algorithm)            how it is done; its rounds(request) has
    //                                                                            count, and at(i) for 0 <= i < count
    //   program.buffers[...].dtype of collective->region.buffer, and size_bytes(dtype)
  }
  return bytes;
}

}  // namespace convoy::lesson
