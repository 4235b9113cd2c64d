#include "simulator/report/trace.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/io/json_fields.h"
#include "simulator/report/lane_name.h"

namespace convoy {
namespace {

struct Piece {
  double start_s;
  double end_s;
};

/// Merged pieces, in order.
std::vector<Piece> merged(std::vector<Piece> pieces) {
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.start_s < b.start_s; });
  std::vector<Piece> result;
  for (const Piece& piece : pieces) {
    if (!result.empty() && piece.start_s <= result.back().end_s)
      result.back().end_s = std::max(result.back().end_s, piece.end_s);
    else
      result.push_back(piece);
  }
  return result;
}

double length_s(const std::vector<Piece>& pieces) {
  double total = 0;
  for (const Piece& piece : pieces) total += piece.end_s - piece.start_s;
  return total;
}

/// How long both go on; both merged.
double overlap_s(const std::vector<Piece>& a, const std::vector<Piece>& b) {
  double total = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size(); a[i].end_s < b[j].end_s ? ++i : ++j)
    total += std::max(0.0, std::min(a[i].end_s, b[j].end_s) - std::max(a[i].start_s, b[j].start_s));
  return total;
}

bool is_communication(Phase phase) { return phase == Phase::all_reduce || phase == Phase::other_communication; }

std::string lane_name(const TimelineFile& file, int rank, int stream) {
  std::vector<std::string_view> ops;
  for (const OpSummary& op : file.programs.at(static_cast<std::size_t>(file.class_of.at(static_cast<std::size_t>(rank)))))
    if (op.stream == stream) ops.emplace_back(op.name);
  return cat("rank ", rank, " ", stream_name(stream, ops));
}

Phase phase_named(const std::string& name) {
  for (int i = 0; i < kPhaseCount; ++i)
    if (to_string(static_cast<Phase>(i)) == name) return static_cast<Phase>(i);
  return Phase::other_communication;
}

}  // namespace

Trace trace_of(const TimelineFile& file) {
  Trace trace{.title = cat(file.model, ", plan ", file.plan, ", ", file.timeline.clock, " clock")};
  std::map<std::pair<int, int>, int> lanes;
  std::vector<double> ends;
  double begin_s = file.timeline.intervals.empty() ? 0 : file.timeline.intervals.front().start_s;
  for (const Interval& i : file.timeline.intervals) {
    const int program = file.class_of.at(static_cast<std::size_t>(i.rank));
    const OpSummary& op = file.programs.at(static_cast<std::size_t>(program)).at(static_cast<std::size_t>(i.op));
    lanes.try_emplace({i.rank, op.stream}, 0);
    if (i.iteration >= std::ssize(ends)) ends.resize(static_cast<std::size_t>(i.iteration) + 1, i.end_s);
    double& end_s = ends[static_cast<std::size_t>(i.iteration)];
    end_s = std::max(end_s, i.end_s);
    begin_s = std::min(begin_s, i.start_s);
  }
  for (auto& [place, index] : lanes) {
    index = static_cast<int>(trace.lanes.size());
    trace.lanes.push_back({place.first, lane_name(file, place.first, place.second)});
  }
  for (const Interval& i : file.timeline.intervals) {
    const auto program = static_cast<std::size_t>(file.class_of[static_cast<std::size_t>(i.rank)]);
    const OpSummary& op = file.programs[program][static_cast<std::size_t>(i.op)];
    const int lane = lanes.at({i.rank, op.stream});
    const Wait wait = file.wait_of(i);
    const double moves_s = i.start_s + wait.both_s();
    if (wait.partners_s > 0) trace.spans.push_back({lane, i.start_s, moves_s, Phase::wait, op.name});
    if (!(wait.both_s() > 0) || i.end_s > moves_s)
      trace.spans.push_back({lane, moves_s, i.end_s, phase_named(op.phase), op.name});
  }
  for (std::size_t step = 0; step < ends.size(); ++step)
    trace.steps.push_back({step == 0 ? begin_s : ends[step - 1], ends[step]});
  return trace;
}

Trace read_trace(const std::string& json, const std::string& file_name) {
  const nlohmann::json parsed = parse_json(json, file_name);
  const bool chrome = parsed.is_array() || (parsed.is_object() && parsed.contains("traceEvents"));
  return chrome ? read_chrome_trace(json, file_name) : trace_of(parse_timeline(json, file_name));
}

TraceTimes times_of(const Trace& trace) {
  TraceTimes times;
  const std::size_t first = trace.steps.size() > 1 ? 1 : 0;
  std::map<int, std::vector<const TraceSpan*>> of_process;
  for (const TraceLane& lane : trace.lanes) of_process[lane.process];  // those that do nothing count too
  for (const TraceSpan& span : trace.spans)
    of_process[trace.lanes.at(static_cast<std::size_t>(span.lane)).process].push_back(&span);
  std::vector<double> lengths;
  for (std::size_t s = first; s < trace.steps.size(); ++s) {
    const TraceStep& step = trace.steps[s];
    lengths.push_back(step.end_s - step.start_s);
    for (const auto& [process, spans] : of_process) {
      std::array<std::vector<Piece>, kPhaseCount> phases;
      std::vector<Piece> compute;
      std::vector<Piece> communication;
      std::vector<Piece> all;
      for (const TraceSpan* span : spans) {
        const Piece piece{std::max(span->start_s, step.start_s), std::min(span->end_s, step.end_s)};
        if (!(piece.end_s > piece.start_s)) continue;
        phases.at(static_cast<std::size_t>(span->phase)).push_back(piece);
        all.push_back(piece);
        if (span->phase != Phase::wait) (is_communication(span->phase) ? communication : compute).push_back(piece);
      }
      for (std::size_t p = 0; p < phases.size(); ++p) times.phase_s[p] += length_s(merged(phases[p]));
      const std::vector<Piece> computing = merged(compute);
      const std::vector<Piece> communicating = merged(communication);
      const double both_s = overlap_s(computing, communicating);
      const double busy_s = length_s(computing) + length_s(communicating) - both_s;
      const double taken_s = length_s(merged(std::move(all)));
      times.compute_s += length_s(computing);
      times.hidden_communication_s += both_s;
      times.exposed_communication_s += length_s(communicating) - both_s;
      times.wait_s += std::max(0.0, taken_s - busy_s);  // sums round
      times.idle_s += step.end_s - step.start_s - std::max(taken_s, busy_s);
    }
  }
  times.steps = static_cast<int>(lengths.size());
  if (lengths.empty() || of_process.empty()) return times;
  const auto count = static_cast<double>(lengths.size() * of_process.size());
  for (double* value :
       {&times.compute_s, &times.exposed_communication_s, &times.hidden_communication_s, &times.wait_s, &times.idle_s})
    *value /= count;
  for (double& value : times.phase_s) value /= count;
  std::sort(lengths.begin(), lengths.end());
  const std::size_t middle = lengths.size() / 2;
  times.step_s = lengths.size() % 2 == 1 ? lengths[middle] : (lengths[middle - 1] + lengths[middle]) / 2;
  return times;
}

}  // namespace convoy
