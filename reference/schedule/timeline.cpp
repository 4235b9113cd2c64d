#include "reference/schedule/timeline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "reference/core/error.h"

namespace convoy {
namespace {

struct Span {
  double start;
  double end;
};

/// Total length of the union of spans. Sorts them.
double covered_s(std::vector<Span>& spans) {
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.start < b.start; });
  double total = 0;
  double reached = 0;
  bool any = false;
  for (const Span& span : spans) {
    const double from = any ? std::max(span.start, reached) : span.start;
    if (span.end > from) total += span.end - from;
    reached = any ? std::max(reached, span.end) : span.end;
    any = true;
  }
  return total;
}

/// Parts of spans inside [from, to].
std::vector<Span> clipped(const std::vector<Span>& spans, double from, double to) {
  std::vector<Span> inside;
  for (const Span& span : spans)
    if (span.end > from && span.start < to) inside.push_back({std::max(span.start, from), std::min(span.end, to)});
  return inside;
}

struct RankSpans {
  std::vector<Span> compute;
  std::vector<Span> communication;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

}  // namespace

std::vector<Representative> ranks_of(const Timeline& timeline, int world_size) {
  if (!timeline.representatives.empty()) return timeline.representatives;
  std::vector<Representative> all(static_cast<std::size_t>(world_size));
  for (int rank = 0; rank < world_size; ++rank) all[static_cast<std::size_t>(rank)] = {.rank = rank, .ranks = 1};
  return all;
}

ServingSummary summary_of(const std::vector<ServedPush>& pushes) {
  ServingSummary summary{.pushes = static_cast<int>(pushes.size())};
  std::map<int, int> updates;  // by server
  double staleness = 0;
  for (const ServedPush& push : pushes) {
    int& of_server = updates[push.server];
    of_server = std::max(of_server, push.update + 1);
    summary.max_ahead = std::max(summary.max_ahead, push.ahead);
    if (push.update < 0) {
      ++summary.dropped;
      continue;
    }
    staleness += push.staleness;
    summary.max_staleness = std::max(summary.max_staleness, push.staleness);
  }
  summary.servers = static_cast<int>(updates.size());
  for (const auto& [server, count] : updates) summary.updates += count;
  const int used = summary.pushes - summary.dropped;
  summary.mean_staleness = used > 0 ? staleness / used : 0;
  return summary;
}

std::string describe(const ServingSummary& summary) {
  const auto plural = [](int count, const char* word) { return cat(count, " ", word, count == 1 ? "" : "s"); };
  const auto rounded = [](double value) { return cat(std::round(100 * value) / 100); };
  std::string text = cat(plural(summary.servers, "server"), ": ", summary.pushes, " pushes made ", plural(summary.updates, "update"));
  if (summary.dropped > 0) text += cat(", ", summary.dropped, " came late and were thrown away");
  return cat(text, "; gradients were stale by ", rounded(summary.mean_staleness), " updates on average, ", summary.max_staleness,
             " at most; nobody was more than ", plural(summary.max_ahead, "iteration"), " ahead");
}

std::string_view to_string(Phase phase) {
  constexpr std::array names = {"load", "forward", "backward", "all_reduce", "other_communication", "packing", "update", "wait"};
  return names.at(static_cast<std::size_t>(phase));
}

Phase phase_of(const Op& op) {
  if (const auto* collective = std::get_if<Collective>(&op.action))
    return collective->kind == CollectiveKind::all_reduce ? Phase::all_reduce : Phase::other_communication;
  if (std::holds_alternative<Serve>(op.action)) return Phase::wait;  // for pushes, most of the time
  const auto* compute = std::get_if<Compute>(&op.action);
  if (compute == nullptr) return Phase::other_communication;
  switch (compute->kind) {
    case ComputeKind::load: return Phase::load;
    case ComputeKind::statistics:
    case ComputeKind::bias:
    case ComputeKind::forward: return Phase::forward;
    case ComputeKind::zero:  // gradients are cleared for backward
    case ComputeKind::gradient_statistics:
    case ComputeKind::backward_input:
    case ComputeKind::backward_weights: return Phase::backward;
    case ComputeKind::copy:
    case ComputeKind::sum:
    case ComputeKind::repack:
    case ComputeKind::convert: return Phase::packing;
    case ComputeKind::join:
    case ComputeKind::norms:
    case ComputeKind::update: return Phase::update;
  }
  return Phase::other_communication;
}

namespace {

/// When the last member began each collective: by iteration, first rank of the group, axis and id.
class LastArrivals {
 public:
  LastArrivals(const Schedule& schedule, const Timeline& timeline) : schedule_(schedule) {
    for (const Interval& i : timeline.intervals)
      if (const Collective* collective = collective_of(i)) {
        const auto [found, fresh] = last_s_.try_emplace(key(i, *collective), i.start_s);
        if (!fresh) found->second = std::max(found->second, i.start_s);
      }
  }
  /// How long an op waited for the other ranks; 0 unless it is a collective.
  [[nodiscard]] double wait_s(const Interval& i) const {
    const Collective* collective = collective_of(i);
    if (collective == nullptr) return 0;
    return std::clamp(last_s_.at(key(i, *collective)), i.start_s, i.end_s) - i.start_s;
  }

 private:
  using Key = std::array<int, 4>;
  [[nodiscard]] const Collective* collective_of(const Interval& i) const {
    return std::get_if<Collective>(&schedule_.program(i.rank).ops[static_cast<std::size_t>(i.op)].action);
  }
  [[nodiscard]] Key key(const Interval& i, const Collective& collective) const {
    const int first = schedule_.mesh.neighbour(i.rank, collective.axis, -schedule_.mesh.coordinate(i.rank, collective.axis));
    return {i.iteration, first, collective.axis, collective.id};
  }
  const Schedule& schedule_;
  std::map<Key, double> last_s_;
};

}  // namespace

StepTimes step_times(const Schedule& schedule, const Timeline& timeline, int warmup) {
  StepTimes times;
  const int ranks = schedule.world_size();
  int iterations = 0;
  for (const Interval& i : timeline.intervals) iterations = std::max(iterations, i.iteration + 1);
  if (iterations == 0) return times;
  require(warmup >= 0 && (warmup < iterations || iterations == 1), "step_times", "warmup ", warmup, " of ", iterations,
          " iterations leaves none");
  const int first = std::min(warmup, iterations - 1);

  const std::vector<Representative> present = ranks_of(timeline, ranks);
  std::vector<double> share(static_cast<std::size_t>(ranks), 0);  // of all ranks, that a rank stands for
  for (const Representative& each : present) share[static_cast<std::size_t>(each.rank)] = 1.0 * each.ranks / ranks;

  // Ends of steps: of each rank for the breakdown, of all ranks for the step time.
  const auto index = [&](int rank, int iteration) {
    return static_cast<std::size_t>(rank) * static_cast<std::size_t>(iterations) + static_cast<std::size_t>(iteration);
  };
  std::vector<double> rank_end(static_cast<std::size_t>(ranks * iterations), 0);
  std::vector<double> step_end(static_cast<std::size_t>(iterations), 0);
  std::vector<RankSpans> spans(static_cast<std::size_t>(ranks));
  std::vector<std::array<double, kPhaseCount>> phase_s(static_cast<std::size_t>(iterations));  // by iteration
  const LastArrivals arrivals(schedule, timeline);
  double begin = timeline.intervals.front().start_s;
  for (const Interval& i : timeline.intervals) {
    begin = std::min(begin, i.start_s);
    double& end = rank_end[index(i.rank, i.iteration)];
    end = std::max(end, i.end_s);
    step_end[static_cast<std::size_t>(i.iteration)] = std::max(step_end[static_cast<std::size_t>(i.iteration)], i.end_s);
    const Op& op = schedule.program(i.rank).ops[static_cast<std::size_t>(i.op)];
    RankSpans& rank = spans[static_cast<std::size_t>(i.rank)];
    if (!std::holds_alternative<Serve>(op.action))  // which is always under way and says nothing
      (std::holds_alternative<Compute>(op.action) ? rank.compute : rank.communication).push_back({i.start_s, i.end_s});
    const double wait_s = arrivals.wait_s(i);
    auto& phases = phase_s[static_cast<std::size_t>(i.iteration)];
    phases[static_cast<std::size_t>(phase_of(op))] += (i.end_s - i.start_s - wait_s) * share[static_cast<std::size_t>(i.rank)];
    phases[static_cast<std::size_t>(Phase::wait)] += wait_s * share[static_cast<std::size_t>(i.rank)];
  }

  times.iterations = iterations - first;
  std::vector<double> steps;
  for (int k = first; k < iterations; ++k)
    steps.push_back(step_end[static_cast<std::size_t>(k)] - (k == 0 ? begin : step_end[static_cast<std::size_t>(k - 1)]));
  times.step_time_s = median(steps);

  for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
    std::vector<double> values;
    for (int k = first; k < iterations; ++k) values.push_back(phase_s[static_cast<std::size_t>(k)][phase]);
    times.phase_s[phase] = median(std::move(values));
  }
  for (const auto& [r, stands_for] : present) {
    const double counted = static_cast<double>(times.iterations) * ranks / stands_for;
    const double from = first == 0 ? begin : rank_end[index(r, first - 1)];
    const double to = rank_end[index(r, iterations - 1)];
    const RankSpans& rank = spans[static_cast<std::size_t>(r)];
    std::vector<Span> compute = clipped(rank.compute, from, to);
    std::vector<Span> communication = clipped(rank.communication, from, to);
    std::vector<Span> either = compute;
    either.insert(either.end(), communication.begin(), communication.end());
    const double computing = covered_s(compute);
    const double communicating = covered_s(communication);
    const double busy = covered_s(either);
    // Sums round: without max, a time that is 0 can come out as -1e-17.
    times.compute_s += computing / counted;
    times.exposed_communication_s += std::max(0.0, busy - computing) / counted;
    times.hidden_communication_s += std::max(0.0, communicating - (busy - computing)) / counted;
    times.idle_s += std::max(0.0, to - from - busy) / counted;
    times.mean_step_time_s += (to - from) / counted;
  }
  return times;
}

std::vector<std::string> check_timeline(const Schedule& schedule, int iterations, const Timeline& timeline, double slack_s) {
  std::vector<std::string> breaches;
  const auto name = [&](int rank, int iteration, std::size_t op) {
    return cat("rank ", rank, " iteration ", iteration, " op ", op, " (", schedule.program(rank).ops[op].name, ")");
  };
  std::map<std::pair<int, int>, std::vector<const Interval*>> runs;  // (rank, iteration) -> interval of each op
  const std::vector<Representative> present = ranks_of(timeline, schedule.world_size());
  for (const auto& [r, stands_for] : present)
    for (int k = 0; k < iterations; ++k) runs[{r, k}].resize(schedule.program(r).ops.size(), nullptr);
  for (const Interval& i : timeline.intervals) {
    const auto run = runs.find({i.rank, i.iteration});
    if (run == runs.end() || i.op < 0 || static_cast<std::size_t>(i.op) >= run->second.size()) {
      breaches.push_back(cat("interval of unknown rank ", i.rank, ", iteration ", i.iteration, " or op ", i.op));
      continue;
    }
    const Interval*& slot = run->second[static_cast<std::size_t>(i.op)];
    if (slot != nullptr) breaches.push_back(name(i.rank, i.iteration, static_cast<std::size_t>(i.op)) + " ran twice");
    slot = &i;
    if (!(i.end_s >= i.start_s))
      breaches.push_back(name(i.rank, i.iteration, static_cast<std::size_t>(i.op)) + " ends before it starts");
  }
  for (const auto& [r, stands_for] : present) {
    const Program& program = schedule.program(r);
    std::map<int, double> stream_end;
    for (int k = 0; k < iterations; ++k) {
      const auto& ops = runs[{r, k}];
      for (std::size_t op = 0; op < ops.size(); ++op) {
        if (ops[op] == nullptr) {
          breaches.push_back(name(r, k, op) + " did not run");
          continue;
        }
        const auto [end, fresh] = stream_end.try_emplace(program.ops[op].stream, ops[op]->start_s);
        if (!(ops[op]->start_s >= end->second - slack_s))
          breaches.push_back(name(r, k, op) + " starts before its stream is free");
        end->second = ops[op]->end_s;
        for (const int id : program.ops[op].after) {
          const Interval* earlier = ops[static_cast<std::size_t>(id)];
          if (earlier != nullptr && !(ops[op]->start_s >= earlier->end_s - slack_s))
            breaches.push_back(cat(name(r, k, op), " starts before op ", id, " has ended"));
        }
      }
    }
  }
  return breaches;
}

}  // namespace convoy
