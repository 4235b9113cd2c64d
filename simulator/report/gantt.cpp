#include "simulator/report/gantt.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/schedule/waits.h"
#include "simulator/report/lane_name.h"

namespace convoy {
namespace {

constexpr std::array<char, kPhaseCount> kLetters = {'L', 'F', 'B', 'R', 'C', 'P', 'U', 'W'};
constexpr int kNarrowest = 40;

struct TimeSpan {
  double start_s = 0;
  double end_s = 0;
};

/// From the end of the step before (its own first start for iteration 0) to the end of the step, over all ranks.
TimeSpan span_of(const Timeline& timeline, int iteration) {
  double first_start_s = std::numeric_limits<double>::infinity();
  double before_s = -std::numeric_limits<double>::infinity();
  double end_s = -std::numeric_limits<double>::infinity();
  for (const Interval& interval : timeline.intervals) {
    if (interval.iteration == iteration) {
      first_start_s = std::min(first_start_s, interval.start_s);
      end_s = std::max(end_s, interval.end_s);
    } else if (interval.iteration == iteration - 1) {
      before_s = std::max(before_s, interval.end_s);
    }
  }
  require(end_s >= first_start_s, "gantt", "the timeline has no iteration ", iteration);
  return {iteration > 0 && before_s > -std::numeric_limits<double>::infinity() ? before_s : first_start_s, end_s};
}

/// Seconds of every phase in every column of one line.
using Line = std::vector<std::array<double, kPhaseCount>>;

void add(Line& line, const TimeSpan& span, const Interval& interval, Phase phase) {
  const double column_s = (span.end_s - span.start_s) / static_cast<double>(line.size());
  if (!(column_s > 0)) return;
  const double start_s = std::max(interval.start_s, span.start_s);
  const double end_s = std::min(interval.end_s, span.end_s);
  if (!(end_s > start_s)) return;
  const auto last = line.size() - 1;
  const auto first_column = std::min(last, static_cast<std::size_t>((start_s - span.start_s) / column_s));
  const auto last_column = std::min(last, static_cast<std::size_t>((end_s - span.start_s) / column_s));
  for (std::size_t column = first_column; column <= last_column; ++column) {
    const double from_s = span.start_s + static_cast<double>(column) * column_s;
    const double part_s = std::min(end_s, from_s + column_s) - std::max(start_s, from_s);
    line[column][static_cast<std::size_t>(phase)] += std::max(0.0, part_s);
  }
}

char letter_of(const std::array<double, kPhaseCount>& column, double column_s) {
  const auto longest = static_cast<std::size_t>(std::max_element(column.begin(), column.end()) - column.begin());
  if (!(column[longest] > 1e-9 * column_s)) return '.';
  double busy_s = 0;
  for (const double seconds : column) busy_s += seconds;
  const char letter = kLetters.at(longest);
  return busy_s >= 0.499 * column_s ? letter : static_cast<char>(std::tolower(letter));
}

/// What stands before the lines of a rank's streams; nothing before one without ops, which is not drawn.
std::vector<std::string> labels_of(int rank, const Program& program) {
  std::vector<std::string> labels;
  for (int stream = 0; stream < program.stream_count(); ++stream) {
    std::vector<std::string_view> ops;
    for (const Op& op : program.ops)
      if (op.stream == stream) ops.emplace_back(op.name);
    labels.push_back(ops.empty() ? "" : fmt::format("rank {:<2} {:<13.24}", rank, stream_name(stream, ops)));
  }
  return labels;
}

}  // namespace

std::string gantt(const Schedule& schedule, const Timeline& timeline, const GanttOptions& options) {
  const TimeSpan span = span_of(timeline, options.iteration);
  std::vector<Representative> shown = ranks_of(timeline, schedule.world_size());
  shown.resize(std::min(shown.size(), static_cast<std::size_t>(std::max(0, options.max_ranks))));
  std::vector<int> place(static_cast<std::size_t>(schedule.world_size()), -1);  // in shown
  int ranks = 0;                                                                // that the lines stand for
  std::vector<std::vector<std::string>> labels;
  std::size_t label_width = 0;
  for (const auto& [rank, stands_for] : shown) {
    labels.push_back(labels_of(rank, schedule.program(rank)));
    for (const std::string& label : labels.back()) label_width = std::max(label_width, label.size());
  }
  const auto columns =
      std::max<std::size_t>(static_cast<std::size_t>(std::max(kNarrowest, options.columns)) - label_width - 3, 20);
  std::vector<std::vector<Line>> lines;
  for (const auto& [rank, stands_for] : shown) {
    place[static_cast<std::size_t>(rank)] = static_cast<int>(lines.size());
    lines.emplace_back(static_cast<std::size_t>(schedule.program(rank).stream_count()), Line(columns));
    ranks += stands_for;
  }

  const Waits waits(schedule, timeline);
  bool waited = false;
  for (const Interval& interval : timeline.intervals) {
    const int line = place.at(static_cast<std::size_t>(interval.rank));
    if (line < 0) continue;
    const Op& op = schedule.program(interval.rank).ops.at(static_cast<std::size_t>(interval.op));
    const Wait wait = waits.of(interval);
    Interval waiting = interval, moving = interval;
    waiting.end_s = interval.start_s + wait.partners_s;
    moving.start_s = interval.start_s + wait.both_s();
    Line& drawn = lines[static_cast<std::size_t>(line)].at(static_cast<std::size_t>(op.stream));
    waited = waited || wait.partners_s > 0;
    add(drawn, span, waiting, Phase::wait);
    add(drawn, span, moving, phase_of(op));
  }

  const double column_s = (span.end_s - span.start_s) / static_cast<double>(columns);
  std::string text = fmt::format("one step, {} ({} clock), a column is {}\n", format_time(span.end_s - span.start_s),
                                 timeline.clock, format_time(column_s));
  for (std::size_t line = 0; line < lines.size(); ++line) {
    for (std::size_t stream = 0; stream < lines[line].size(); ++stream) {
      if (labels[line][stream].empty()) continue;
      text += fmt::format("{:<{}} |", labels[line][stream], label_width);
      for (const auto& column : lines[line][stream]) text += letter_of(column, column_s);
      text += "|\n";
    }
  }
  for (const auto& [rank, stands_for] : shown)
    if (stands_for > 1) text += fmt::format("rank {} stands for {} ranks that do the same\n", rank, stands_for);
  if (ranks < schedule.world_size()) text += fmt::format("and {} more ranks\n", schedule.world_size() - ranks);
  return text + cat("L load  F forward  B backward  R all-reduce  C other communication  P packing  U update  ",
                    waited ? "W waiting for a partner  " : "", ". idle  (small letter: less than half a column)\n");
}

}  // namespace convoy
