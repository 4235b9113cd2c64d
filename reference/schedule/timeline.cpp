#include "reference/schedule/timeline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "reference/core/error.h"

namespace convoy {
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
  std::string text =
      cat(plural(summary.servers, "server"), ": ", summary.pushes, " pushes made ", plural(summary.updates, "update"));
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
    case ComputeKind::compress:
    case ComputeKind::decompress:
    case ComputeKind::weigh:
    case ComputeKind::convert: return Phase::packing;
    case ComputeKind::join:
    case ComputeKind::norms:
    case ComputeKind::update: return Phase::update;
  }
  return Phase::other_communication;
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
