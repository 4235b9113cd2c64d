#include <algorithm>
#include <array>
#include <map>

#include "reference/core/error.h"
#include "reference/schedule/timeline.h"
#include "reference/schedule/waits.h"

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

/// Appends the parts of spans inside [from, to].
void add_clipped(std::vector<Span>& inside, const std::vector<Span>& spans, double from, double to) {
  for (const Span& span : spans)
    if (span.end > from && span.start < to) inside.push_back({std::max(span.start, from), std::min(span.end, to)});
}

/// What a rank did when.
struct RankSpans {
  std::vector<Span> compute;
  std::vector<Span> moving;   ///< communication whose partners were all there
  std::vector<Span> waiting;  ///< for a partner, see waits.h
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/// How a rank spent the time between two moments, divided by `steps`.
RankTimes rank_times(const RankSpans& spans, double from, double to, int steps) {
  std::vector<Span> compute, moving, all;
  add_clipped(compute, spans.compute, from, to);
  add_clipped(moving, spans.moving, from, to);
  const double computing_s = covered_s(compute);
  const double moving_s = covered_s(moving);
  all = compute;
  all.insert(all.end(), moving.begin(), moving.end());
  const double busy_s = covered_s(all);
  add_clipped(all, spans.waiting, from, to);
  const double taken_s = covered_s(all);
  // Sums round: without max, a time that is 0 can come out as -1e-17.
  const auto each = [&](double time_s) { return std::max(0.0, time_s) / steps; };
  return {.step_s = each(to - from),
          .compute_s = each(computing_s),
          .exposed_communication_s = each(busy_s - computing_s),
          .hidden_communication_s = each(moving_s - (busy_s - computing_s)),
          .wait_s = each(taken_s - busy_s),
          .bubble_s = each(to - from - taken_s)};
}

/// Step time of independent workers: as if a step were over when they have done the images of a global batch between them.
/// 0 when nobody took any time. Pushes of iterations before `first` are left out.
double independent_step_s(const Schedule& schedule, const Timeline& timeline, const std::vector<RankTimes>& ranks, int first) {
  struct Pushes {
    int all = 0;
    int used = 0;
  };
  std::map<int, Pushes> pushes;  // by rank of the worker
  for (const ServedPush& push : timeline.pushes) {
    if (push.iteration < first) continue;
    const Peer& peer = serve_of(schedule.program(push.server))->pushes.at(static_cast<std::size_t>(push.worker)).peer;
    Pushes& of_worker = pushes[schedule.mesh.neighbour(push.server, peer.axis, peer.offset)];
    ++of_worker.all;
    if (push.update >= 0) ++of_worker.used;
  }
  double images = 0;
  double images_per_s = 0;
  for (const RankTimes& rank : ranks) {
    const double of_rank = rank.ranks * static_cast<double>(schedule.samples(rank.rank).count);
    images += of_rank;
    const auto found = pushes.find(rank.rank);
    const double used = found == pushes.end() ? 1 : 1.0 * found->second.used / found->second.all;
    if (rank.step_s > 0) images_per_s += of_rank * used / rank.step_s;
  }
  return images_per_s > 0 ? images / images_per_s : 0;
}

/// Times of an iteration become those of each of its `steps`.
void divide(StepTimes& times, int steps) {
  for (double* time_s : {&times.step_time_s, &times.compute_s, &times.exposed_communication_s, &times.hidden_communication_s,
                         &times.wait_s, &times.bubble_s, &times.mean_step_time_s})
    *time_s /= steps;
  for (double& phase_s : times.phase_s) phase_s /= steps;
  for (RankTimes& rank : times.ranks)
    for (double* time_s : {&rank.step_s, &rank.compute_s, &rank.exposed_communication_s, &rank.hidden_communication_s,
                           &rank.wait_s, &rank.bubble_s})
      *time_s /= steps;
}

/// When a step of each rank, and of all, ended.
struct StepEnds {
  std::vector<double> of_rank;  ///< by rank and iteration
  std::vector<double> of_all;   ///< by iteration
};

}  // namespace

bool has_independent_workers(const Schedule& schedule) {
  return std::ranges::any_of(schedule.programs, [](const Program& program) {
    const Serve* serve = serve_of(program);
    return serve != nullptr && serve->rule.mode != "sync";
  });
}

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

  const auto index = [&](int rank, int iteration) {
    return static_cast<std::size_t>(rank) * static_cast<std::size_t>(iterations) + static_cast<std::size_t>(iteration);
  };
  StepEnds ends{std::vector<double>(static_cast<std::size_t>(ranks) * static_cast<std::size_t>(iterations), 0),
                std::vector<double>(static_cast<std::size_t>(iterations), 0)};
  std::vector<RankSpans> spans(static_cast<std::size_t>(ranks));
  std::vector<std::array<double, kPhaseCount>> phase_s(static_cast<std::size_t>(iterations));  // by iteration
  const Waits waits(schedule, timeline);
  double begin = timeline.intervals.front().start_s;
  times.independent_workers = has_independent_workers(schedule);
  for (const Interval& i : timeline.intervals) {
    begin = std::min(begin, i.start_s);
    const Op& op = schedule.program(i.rank).ops[static_cast<std::size_t>(i.op)];
    const bool serves_others = times.independent_workers && std::holds_alternative<Serve>(op.action);
    double& end = ends.of_rank[index(i.rank, i.iteration)];
    if (!serves_others || schedule.samples(i.rank).count == 0) end = std::max(end, i.end_s);
    double& step_end = ends.of_all[static_cast<std::size_t>(i.iteration)];
    step_end = std::max(step_end, i.end_s);
    RankSpans& rank = spans[static_cast<std::size_t>(i.rank)];
    const Wait wait = waits.of(i);
    if (std::holds_alternative<Compute>(op.action)) {
      rank.compute.push_back({i.start_s, i.end_s});
    } else {
      if (wait.partners_s > 0) rank.waiting.push_back({i.start_s, i.start_s + wait.partners_s});
      rank.moving.push_back({i.start_s + wait.both_s(), i.end_s});
    }
    auto& phases = phase_s[static_cast<std::size_t>(i.iteration)];
    const double part = share[static_cast<std::size_t>(i.rank)];
    phases[static_cast<std::size_t>(phase_of(op))] += (i.end_s - i.start_s - wait.both_s()) * part;
    phases[static_cast<std::size_t>(Phase::wait)] += wait.partners_s * part;
  }

  times.iterations = iterations - first;
  std::vector<double> steps;
  for (int k = first; k < iterations; ++k)
    steps.push_back(ends.of_all[static_cast<std::size_t>(k)] - (k == 0 ? begin : ends.of_all[static_cast<std::size_t>(k - 1)]));
  times.step_time_s = median(steps);

  for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
    std::vector<double> values;
    for (int k = first; k < iterations; ++k) values.push_back(phase_s[static_cast<std::size_t>(k)][phase]);
    times.phase_s[phase] = median(std::move(values));
  }
  for (const auto& [r, stands_for] : present) {
    const double from = first == 0 ? begin : ends.of_rank[index(r, first - 1)];
    RankTimes rank =
        rank_times(spans[static_cast<std::size_t>(r)], from, ends.of_rank[index(r, iterations - 1)], times.iterations);
    rank.rank = r;
    rank.ranks = stands_for;
    const double part = share[static_cast<std::size_t>(r)];
    times.compute_s += rank.compute_s * part;
    times.exposed_communication_s += rank.exposed_communication_s * part;
    times.hidden_communication_s += rank.hidden_communication_s * part;
    times.wait_s += rank.wait_s * part;
    times.bubble_s += rank.bubble_s * part;
    times.mean_step_time_s += rank.step_s * part;
    times.ranks.push_back(rank);
  }
  if (times.independent_workers)
    if (const double step_s = independent_step_s(schedule, timeline, times.ranks, first); step_s > 0) times.step_time_s = step_s;
  if (const int of_iteration = steps_of_iteration(schedule); of_iteration > 1) divide(times, of_iteration);
  return times;
}

}  // namespace convoy
