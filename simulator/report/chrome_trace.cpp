#include "simulator/report/chrome_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "simulator/report/lane_name.h"
#include "simulator/report/trace.h"

namespace convoy {
namespace {

/// Nanoseconds: rounded the same way at the end of one span and the start of the next, so that what met still meets.
std::int64_t ns_of(double time_s) { return std::llround(time_s * 1e9); }

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::string microseconds(std::int64_t ns) { return fmt::format("{}.{:03}", ns / 1000, ns % 1000); }

/// Events of one rank, its names first.
std::string events_of(int rank, const std::vector<const Interval*>& intervals, const TimelineFile& file,
                      const std::vector<std::string>& names, std::int64_t begin_ns) {
  const std::vector<OpSummary>& program =
      file.programs[static_cast<std::size_t>(file.class_of.at(static_cast<std::size_t>(rank)))];
  std::string text = fmt::format(R"({{"ph":"M","name":"process_name","pid":{},"args":{{"name":"rank {}"}}}},)"
                                 "\n",
                                 rank, rank);
  int streams = 0;
  for (const OpSummary& op : program) streams = std::max(streams, op.stream + 1);
  for (int stream = 0; stream < streams; ++stream) {
    std::vector<std::string_view> ops;
    for (const OpSummary& op : program)
      if (op.stream == stream) ops.emplace_back(op.name);
    text += fmt::format(R"({{"ph":"M","name":"thread_name","pid":{},"tid":{},"args":{{"name":{}}}}},)"
                        "\n",
                        rank, stream, quoted(stream_name(stream, ops)));
  }
  for (const Interval* i : intervals) {
    const auto op = static_cast<std::size_t>(i->op);
    const std::int64_t start = ns_of(i->start_s) - begin_ns;
    const Wait wait = file.wait_of(*i);
    const std::int64_t moves = ns_of(i->start_s + wait.both_s()) - begin_ns;
    const std::int64_t end = ns_of(i->end_s) - begin_ns;
    const auto event = [&](std::string_view category, std::int64_t from, std::int64_t to) {
      fmt::format_to(std::back_inserter(text),
                     R"({{"ph":"X","name":{},"cat":"{}","pid":{},"tid":{},"ts":{},"dur":{},"args":{{"iteration":{},"op":{}}}}},)"
                     "\n",
                     names[op], category, rank, program[op].stream, microseconds(from),
                     microseconds(std::max<std::int64_t>(0, to - from)), i->iteration, i->op);
    };
    if (moves > start) event(wait.bubble_s > 0 ? kBubbleCategory : to_string(Phase::wait), start, moves);
    if (moves == start || end > moves) event(program[op].phase, moves, end);
  }
  return text;
}

std::string step_events(const std::vector<TraceStep>& steps, std::size_t first, int pid, std::int64_t begin_ns) {
  std::string text = fmt::format(R"({{"ph":"M","name":"process_name","pid":{},"args":{{"name":"steps"}}}},)"
                                 "\n",
                                 pid);
  for (std::size_t step = first; step < steps.size(); ++step) {
    const std::int64_t start = ns_of(steps[step].start_s) - begin_ns;
    text += fmt::format(R"({{"ph":"X","name":"step {}","cat":"step","pid":{},"tid":0,"ts":{},"dur":{}}},)"
                        "\n",
                        step, pid, microseconds(start), microseconds(ns_of(steps[step].end_s) - begin_ns - start));
  }
  return text;
}

}  // namespace

std::string chrome_trace(const TimelineFile& file, std::size_t most_bytes) {
  const Trace trace = trace_of(file);
  std::vector<std::vector<std::string>> names;
  for (const std::vector<OpSummary>& program : file.programs) {
    names.emplace_back();
    for (const OpSummary& op : program) names.back().push_back(quoted(op.name));
  }
  std::map<int, std::vector<const Interval*>> of_rank;
  for (const Interval& interval : file.timeline.intervals) of_rank[interval.rank].push_back(&interval);
  for (auto& [rank, intervals] : of_rank)
    std::stable_sort(intervals.begin(), intervals.end(),
                     [](const Interval* a, const Interval* b) { return a->start_s < b->start_s; });

  constexpr std::size_t room = 2000;  // for what stands around the events
  const std::size_t steps = trace.steps.size();
  const int step_pid = static_cast<int>(file.class_of.size());
  for (std::size_t first_step = 0;; first_step = steps - first_step <= 1 ? steps : first_step + (steps - first_step + 1) / 2) {
    const bool nothing_fits = first_step >= steps && steps > 0;
    const std::int64_t begin_ns = trace.steps.empty() ? 0 : ns_of(trace.steps[std::min(first_step, steps - 1)].start_s);
    std::string events = step_events(trace.steps, first_step, step_pid, begin_ns);
    int ranks = 0;
    for (const auto& [rank, all] : of_rank) {
      std::vector<const Interval*> kept;
      std::copy_if(all.begin(), all.end(), std::back_inserter(kept),
                   [&](const Interval* i) { return i->iteration >= static_cast<int>(first_step); });
      const auto program = static_cast<std::size_t>(file.class_of.at(static_cast<std::size_t>(rank)));
      const std::string more = events_of(rank, kept, file, names[program], begin_ns);
      if (events.size() + more.size() + room > most_bytes) break;
      events += more;
      ++ranks;
    }
    if (ranks == 0 && !of_rank.empty() && !nothing_fits) continue;
    if (events.ends_with(",\n")) events.resize(events.size() - 2);
    return fmt::format(
        "{{\"displayTimeUnit\":\"ms\",\"otherData\":{{\"tool\":\"convoy\",\"model\":{},\"plan\":{},\"clock\":{},\"ranks\":{},"
        "\"ranks_in_this_file\":{},\"iterations\":{},\"first_iteration_in_this_file\":{}}},\n\"traceEvents\":[\n{}\n]}}\n",
        quoted(file.model), quoted(file.plan), quoted(file.timeline.clock), file.class_of.size(), ranks, steps, first_step,
        events);
  }
}

}  // namespace convoy
