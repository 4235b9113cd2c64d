// expect: counts elements
#include "exercise.h"

namespace convoy::lesson {

/// Adds up elements.
std::int64_t bytes_sent(const Schedule& schedule, int rank) {
  const Program& program = schedule.program(rank);
  std::int64_t bytes = 0;
  for (const Op& op : program.ops) {
    const auto* collective = std::get_if<Collective>(&op.action);
    if (collective == nullptr) continue;
    const Rounds rounds =
        collective_algorithm(collective->kind, collective->algorithm).rounds(request_of(schedule, rank, *collective));
    for (std::int64_t i = 0; i < rounds.count; ++i)
      if (const Round round = rounds.at(i); round.send) bytes += round.send->slice.count;
  }
  return bytes;
}

}  // namespace convoy::lesson
