// expect: twice as many
#include "exercise.h"

namespace convoy::lesson {

/// Counts what arrives as well.
std::int64_t bytes_sent(const Schedule& schedule, int rank) {
  const Program& program = schedule.program(rank);
  std::int64_t bytes = 0;
  for (const Op& op : program.ops) {
    const auto* collective = std::get_if<Collective>(&op.action);
    if (collective == nullptr) continue;
    const std::int64_t element = size_bytes(program.buffers[static_cast<std::size_t>(collective->region.buffer)].dtype);
    const Rounds rounds =
        collective_algorithm(collective->kind, collective->algorithm).rounds(request_of(schedule, rank, *collective));
    for (std::int64_t i = 0; i < rounds.count; ++i) {
      const Round round = rounds.at(i);
      if (round.send) bytes += round.send->slice.count * element;
      if (round.recv) bytes += round.recv->slice.count * element;
    }
  }
  return bytes;
}

}  // namespace convoy::lesson
