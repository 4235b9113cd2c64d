#include "exercise.h"

namespace convoy::lesson {

std::int64_t bytes_sent(const Schedule& schedule, int rank) {
  const Program& program = schedule.program(rank);
  std::int64_t bytes = 0;
  for (const Op& op : program.ops) {
    const auto* collective = std::get_if<Collective>(&op.action);
    if (collective == nullptr) continue;
    const Buffer& buffer = program.buffers[static_cast<std::size_t>(collective->region.buffer)];
    const Rounds rounds =
        collective_algorithm(collective->kind, collective->algorithm).rounds(request_of(schedule, rank, *collective));
    for (std::int64_t i = 0; i < rounds.count; ++i)
      if (const Round round = rounds.at(i); round.send) bytes += round.send->slice.count * size_bytes(buffer.dtype);
  }
  return bytes;
}

}  // namespace convoy::lesson
