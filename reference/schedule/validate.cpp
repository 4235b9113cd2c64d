#include "reference/schedule/validate.h"

#include "reference/core/error.h"
#include "reference/schedule/checks.h"
#include "reference/schedule/dry_run.h"
#include "reference/schedule/mean_check.h"
#include "reference/schedule/memory.h"
#include "reference/schedule/serve_check.h"

namespace convoy {
std::vector<Problem> validate(const Schedule& schedule, std::int64_t device_memory_bytes) {
  if (Problems problems = check_structure(schedule); !problems.empty()) return problems;
  if (Problems problems = check_matching(schedule); !problems.empty()) return problems;
  if (Problems problems = find_deadlocks(schedule); !problems.empty()) return problems;

  Problems problems;
  const std::vector<int> rank_of_class = first_ranks(schedule);
  for (std::size_t c = 0; c < schedule.programs.size(); ++c) {
    const int rank = rank_of_class[c];
    if (rank < 0) continue;
    const Program& program = schedule.programs[c];
    const ProgramOrder order(program);
    const Touches touches = touches_of(schedule, program, rank);
    check_data(program, rank, order, touches, problems);
    check_races(program, rank, order, touches, problems);
    check_gradients(schedule, program, rank, order, touches, problems);
    check_pushes(schedule, program, rank, problems);
    check_means(schedule, program, rank, order, problems);
    check_boxes(program, rank, problems);
    check_layouts(program, rank, problems);
    if (device_memory_bytes > 0)
      if (const std::int64_t needed = plan_memory(program).total_bytes; needed > device_memory_bytes)
        problems.push_back({rank, -1, "memory", cat("needs ", needed, " bytes and the device has ", device_memory_bytes)});
  }
  return problems;
}

std::string to_string(const Schedule& schedule, const Problem& problem) {
  std::string where;
  if (problem.rank >= 0) where = cat("rank ", problem.rank);
  if (problem.rank >= 0 && problem.op >= 0)
    where += cat(", op ", problem.op, " (", schedule.program(problem.rank).ops[static_cast<std::size_t>(problem.op)].name, ")");
  return cat(problem.rule, ": ", where, where.empty() ? "" : " ", problem.sentence);
}

void require_valid(const Schedule& schedule) {
  const std::vector<Problem> problems = validate(schedule);
  if (problems.empty()) return;
  std::string message = cat("[validate] the schedule has ", problems.size(), problems.size() == 1 ? " problem" : " problems");
  for (std::size_t i = 0; i < problems.size() && i < 3; ++i) message += "\n  " + to_string(schedule, problems[i]);
  throw std::invalid_argument(message);
}

}  // namespace convoy
