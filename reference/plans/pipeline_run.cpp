// A table of a pipeline carried out in units of time: whether it gets to its end, and what it looks like.

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "reference/core/error.h"
#include "reference/plans/pipeline.h"

namespace convoy {
namespace {

std::size_t index(int i) { return static_cast<std::size_t>(i); }

using Key = std::tuple<bool, int, int>;
Key key_of(const PipelineAction& action) { return {action.backward, action.stage, action.micro_batch}; }

/// "F1 of stage 0".
std::string name_of(const PipelineAction& action) {
  return cat(action.backward ? "B" : "F", action.micro_batch, " of stage ", action.stage);
}

/// What must have ended before an action.
std::vector<PipelineAction> needed_by(const PipelineAction& action, const PipelineShape& shape) {
  std::vector<PipelineAction> needed;
  if (action.backward) {
    needed.push_back({false, action.stage, action.micro_batch});
    if (action.stage + 1 < shape.stages()) needed.push_back({true, action.stage + 1, action.micro_batch});
  } else if (action.stage > 0) {
    needed.push_back({false, action.stage - 1, action.micro_batch});
  }
  return needed;
}

/// Why a rank waits for ever at an entry: what it waits for, and where that is.
std::string why_stuck(const PipelineTable& table, const PipelineShape& shape, const std::vector<std::size_t>& next, int rank,
                      const PipelineAction& awaited) {
  const int there = shape.rank_of(awaited.stage);
  const std::vector<PipelineAction>& row = table[index(there)];
  const auto found = std::find(row.begin(), row.end(), awaited);
  const std::string what = cat("waits for ", name_of(awaited));
  if (found == row.end()) return cat(what, ", which rank ", there, " never does");
  if (there == rank) return cat(what, ", which comes later in the same row");
  return cat(what, "; rank ", there, " stands in front of ", to_string(row[next[index(there)]], shape), " and does that later");
}

void check_entries(const PipelineTable& table, const PipelineShape& shape, std::vector<PipelineFault>& faults) {
  std::map<Key, std::pair<int, int>> seen;
  for (int rank = 0; rank < shape.ranks; ++rank)
    for (int place = 0; place < static_cast<int>(table[index(rank)].size()); ++place) {
      const PipelineAction& action = table[index(rank)][index(place)];
      const auto complain = [&](const std::string& sentence) { faults.push_back({rank, place, sentence}); };
      if (action.stage < 0 || action.stage >= shape.stages())
        complain(cat("there is no stage ", action.stage, "; they are 0 to ", shape.stages() - 1));
      else if (shape.rank_of(action.stage) != rank)
        complain(cat("stage ", action.stage, " is at rank ", shape.rank_of(action.stage), ", not here"));
      else if (action.micro_batch < 0 || action.micro_batch >= shape.micro_batches)
        complain(cat("there is no micro-batch ", action.micro_batch, "; they are 0 to ", shape.micro_batches - 1));
      else if (!seen.try_emplace(key_of(action), rank, place).second)
        complain(cat(to_string(action, shape), " is there already, as entry ", seen.at(key_of(action)).second + 1));
    }
  for (int stage = 0; stage < shape.stages(); ++stage)
    for (const bool backward : {false, true})
      for (int m = 0; m < shape.micro_batches; ++m)
        if (const PipelineAction action{backward, stage, m}; !seen.contains(key_of(action))) {
          const int rank = shape.rank_of(stage);
          faults.push_back({rank, static_cast<int>(table[index(rank)].size()), cat(to_string(action, shape), " is missing")});
        }
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

}  // namespace

std::vector<PipelineFault> check_table(const PipelineTable& table, const PipelineShape& shape) {
  const auto rows = static_cast<int>(table.size());
  if (rows != shape.ranks)
    return {{std::min(rows, shape.ranks) - 1, 0,
             cat("the order has ", rows, rows == 1 ? " row" : " rows", ", and the pipeline ", shape.ranks,
                 shape.ranks == 1 ? " rank" : " ranks")}};
  std::vector<PipelineFault> faults;
  check_entries(table, shape, faults);
  if (faults.empty()) faults = run_in_units(table, shape).stuck;
  return faults;
}

UnitRun run_in_units(const PipelineTable& table, const PipelineShape& shape) {
  constexpr int forward = 1, backward = 2;
  UnitRun run;
  run.slots.resize(table.size());
  std::map<Key, int> end_of;
  std::vector<std::size_t> next(table.size(), 0);
  const auto awaited = [&](const PipelineAction& action) -> std::optional<PipelineAction> {
    for (const PipelineAction& needed : needed_by(action, shape))
      if (!end_of.contains(key_of(needed))) return needed;
    return std::nullopt;
  };
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t rank = 0; rank < table.size(); ++rank)
      for (; next[rank] < table[rank].size() && !awaited(table[rank][next[rank]]); ++next[rank], moved = true) {
        const PipelineAction& action = table[rank][next[rank]];
        int start = run.slots[rank].empty() ? 0 : run.slots[rank].back().end;
        for (const PipelineAction& needed : needed_by(action, shape)) start = std::max(start, end_of.at(key_of(needed)));
        const int end = start + (action.backward ? backward : forward);
        run.slots[rank].push_back({start, end});
        end_of[key_of(action)] = end;
        run.end = std::max(run.end, end);
      }
  }
  for (std::size_t rank = 0; rank < table.size(); ++rank)
    if (next[rank] < table[rank].size()) {
      const auto r = static_cast<int>(rank);
      const PipelineAction& action = table[rank][next[rank]];
      run.stuck.push_back({r, static_cast<int>(next[rank]),
                           cat(to_string(action, shape), " ", why_stuck(table, shape, next, r, *awaited(action)))});
    }
  // Whoever contradicts itself is the one to look at first.
  std::stable_sort(run.stuck.begin(), run.stuck.end(), [](const PipelineFault& a, const PipelineFault& b) {
    const auto own = [](const PipelineFault& fault) { return fault.sentence.find("same row") != std::string::npos; };
    return own(a) && !own(b);
  });
  return run;
}

double UnitRun::idle_fraction() const {
  double busy = 0;
  for (const std::vector<Slot>& row : slots)
    for (const Slot& slot : row) busy += slot.end - slot.start;
  return end == 0 ? 0 : 1 - busy / (static_cast<double>(end) * static_cast<double>(slots.size()));
}

std::string grid_text(const PipelineTable& table, const PipelineShape& shape) {
  const UnitRun run = run_in_units(table, shape);
  const std::size_t width = std::max<std::size_t>(8, cat(shape.stages(), "F", shape.micro_batches).size() + 2);
  std::string text = padded("time", width);
  for (std::size_t rank = 0; rank < table.size(); ++rank) text += padded(cat("rank ", rank), width);
  const auto end_line = [&] {
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n";
  };
  end_line();
  std::vector<std::size_t> at(table.size(), 0);
  for (int time = 0; time < run.end; ++time) {
    text += padded(cat(time), width);
    for (std::size_t rank = 0; rank < table.size(); ++rank) {
      const auto& slots = run.slots[rank];
      while (at[rank] < slots.size() && slots[at[rank]].end <= time) ++at[rank];
      const bool busy = at[rank] < slots.size() && slots[at[rank]].start <= time;
      const bool begins = busy && slots[at[rank]].start == time;
      text += padded(begins ? to_string(table[rank][at[rank]], shape) : busy ? "|" : ".", width);
    }
    end_line();
  }
  if (run.stuck.empty()) return text;
  text += padded("stuck", width);
  for (std::size_t rank = 0; rank < table.size(); ++rank) {
    const std::size_t done = run.slots[rank].size();
    text += padded(done < table[rank].size() ? to_string(table[rank][done], shape) + "?" : ".", width);
  }
  end_line();
  for (const PipelineFault& fault : run.stuck) text += cat("<-- rank ", fault.rank, ": ", fault.sentence, "\n");
  return text;
}

}  // namespace convoy
