/// The check of lesson 10: the learner's rows make a table, which is carried out in units of time.
#include <algorithm>
#include <string>

#include "exercise.h"
#include "lessons/lesson.h"
#include "reference/plans/pipeline.h"

namespace convoy::lesson {
namespace {

PipelineTable table_of_rows(const PipelineShape& shape) {
  PipelineTable table;
  for (int rank = 0; rank < shape.ranks; ++rank) {
    table.emplace_back();
    for (const Entry& entry : row(rank, shape.ranks, shape.micro_batches))
      table.back().push_back({.backward = entry.backward, .stage = rank, .micro_batch = entry.micro_batch});
  }
  return table;
}

/// The most micro-batches that have gone forward and not yet backward.
int most_under_way(const std::vector<PipelineAction>& entries) {
  int now = 0, most = 0;
  for (const PipelineAction& entry : entries) most = std::max(most, now += entry.backward ? -1 : 1);
  return most;
}

void require_complete(const PipelineTable& table, const PipelineShape& shape, const std::string& where) {
  const UnitRun run = run_in_units(table, shape);
  for (const PipelineFault& fault : check_table(table, shape)) {
    const bool waits = !run.stuck.empty() && fault.sentence.find("waits for") != std::string::npos;
    throw NotYet(cat(where, waits ? "the pipeline stands still for ever" : "the order is not complete", ". Rank ", fault.rank,
                     ", entry ", fault.place + 1, ": ", fault.sentence, ".\n", grid_text(table, shape)));
  }
}

void check_shape(const PipelineShape& shape) {
  const std::string where = cat(shape.ranks, " ranks, ", shape.micro_batches, " micro-batches: ");
  const PipelineTable table = table_of_rows(shape);
  if (std::all_of(table.begin(), table.end(), [](const auto& entries) { return entries.empty(); }))
    throw NotYet("row says nothing so far: open exercise.cpp and begin with the last rank.");
  require_complete(table, shape, where);
  for (int rank = 0; rank < shape.ranks; ++rank)
    if (const int most = most_under_way(table[static_cast<std::size_t>(rank)]); most > shape.ranks - rank)
      throw NotYet(cat(where, "rank ", rank, " keeps the activations of ", most, " micro-batches at a time; ", shape.ranks - rank,
                       " are enough. What can it do instead of the next forward?"));
  const int least = 3 * (shape.micro_batches + shape.ranks - 1);
  if (const int end = run_in_units(table, shape).end; end > least)
    throw NotYet(cat(where, "the step takes longer than it must: ", end, " units of time instead of ", least,
                     ". Who stands idle, and what could it do?\n", grid_text(table, shape)));
}

void check_all() {
  for (const auto& [ranks, micro_batches] : {std::pair{2, 4}, {4, 8}, {3, 7}, {4, 2}, {5, 5}, {1, 3}, {8, 1}})
    check_shape({.ranks = ranks, .stages_per_rank = 1, .micro_batches = micro_batches});
}

}  // namespace
}  // namespace convoy::lesson

int main() { return convoy::lesson::check(convoy::lesson::check_all); }
