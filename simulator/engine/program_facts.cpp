#include "simulator/engine/program_facts.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "reference/core/error.h"

namespace convoy {
namespace {

std::vector<std::vector<int>> streams_of(const Program& program) {
  std::vector<std::vector<int>> streams(static_cast<std::size_t>(program.stream_count()));
  for (std::size_t op = 0; op < program.ops.size(); ++op)
    streams[static_cast<std::size_t>(program.ops[op].stream)].push_back(static_cast<int>(op));
  std::erase_if(streams, [](const std::vector<int>& ops) { return ops.empty(); });
  return streams;
}

bool computes(const Op& op) { return std::holds_alternative<Compute>(op.action); }

std::vector<bool> find_runs(const Program& program, const std::vector<std::vector<int>>& streams) {
  std::vector<bool> waits(program.ops.size(), false);      // for another stream
  std::vector<bool> looked_at(program.ops.size(), false);  // by another stream
  for (std::size_t op = 0; op < program.ops.size(); ++op)
    for (const int earlier : program.ops[op].after)
      if (program.ops[static_cast<std::size_t>(earlier)].stream != program.ops[op].stream)
        waits[op] = looked_at[static_cast<std::size_t>(earlier)] = true;
  std::vector<bool> runs_on(program.ops.size(), false);
  for (const std::vector<int>& ops : streams)
    for (std::size_t i = 0; i + 1 < ops.size(); ++i) {
      const auto here = static_cast<std::size_t>(ops[i]);
      const auto next = static_cast<std::size_t>(ops[i + 1]);
      runs_on[here] = computes(program.ops[here]) && computes(program.ops[next]) && !looked_at[here] && !waits[next];
    }
  return runs_on;
}

template <typename Visit>
void for_each_collective(const Program& program, Visit visit) {
  for (std::size_t op = 0; op < program.ops.size(); ++op)
    if (const auto* collective = std::get_if<Collective>(&program.ops[op].action)) visit(op, *collective);
}

/// What a collective asks of the first rank of a group: its size and all that does not depend on the rank.
CollectiveRequest group_request(const Schedule& schedule, const Collective& collective) {
  return request_of(schedule, 0, collective);
}

}  // namespace

int most_channels(const ProgramFacts& facts) {
  int most = 1;
  for (const CollectiveFacts& collective : facts.collectives) most = std::max(most, collective.channels);
  return most;
}

ProgramFacts facts_of(const Schedule& schedule, const Program& program, const CostModel& cost) {
  ProgramFacts facts;
  facts.streams = streams_of(program);
  facts.runs_on = find_runs(program, facts.streams);
  facts.compute_s.assign(program.ops.size(), 0);
  facts.collectives.resize(program.ops.size());
  for (std::size_t i = 0; i < program.ops.size(); ++i)
    if (const auto* compute = std::get_if<Compute>(&program.ops[i].action)) {
      const double time_s = facts.compute_s[i] = cost.compute_s(program, program.ops[i], *compute);
      require(std::isfinite(time_s) && time_s >= 0, "simulate", "the cost model gives ", time_s, " s for ", program.ops[i].name);
    }
  for_each_collective(program, [&](std::size_t op, const Collective& collective) {
    const Buffer& buffer = program.buffers[static_cast<std::size_t>(collective.region.buffer)];
    CollectiveFacts& found = facts.collectives[op];
    found = {.element_bytes = size_bytes(buffer.dtype), .channels = collective.channels, .stretches = {}};
    CollectiveRequest request = group_request(schedule, collective);
    for (; request.channel < request.channels; ++request.channel) {
      std::vector<Stretch> of_channel = lock_steps(collective.kind, collective.algorithm, request);
      if (of_channel.empty()) break;
      found.stretches.push_back(std::move(of_channel));
    }
  });
  return facts;
}

double messages_of(const Schedule& schedule) {
  std::vector<double> of_class(schedule.programs.size(), 0);
  for (std::size_t c = 0; c < schedule.programs.size(); ++c)
    for (const Op& op : schedule.programs[c].ops) {
      if (const auto* exchange = std::get_if<Exchange>(&op.action)) of_class[c] += exchange->send ? 1 : 0;
      if (const auto* serve = std::get_if<Serve>(&op.action)) of_class[c] += static_cast<double>(serve->pulls.size());
      if (const auto* collective = std::get_if<Collective>(&op.action))
        of_class[c] += static_cast<double>(
            collective_algorithm(collective->kind, collective->algorithm).round_count(group_request(schedule, *collective)));
    }
  double messages = 0;
  for (const int rank_class : schedule.class_of) messages += of_class[static_cast<std::size_t>(rank_class)];
  return messages;
}

bool classes_suffice(const Schedule& schedule) {
  for (const Program& program : schedule.programs)
    for (const Op& op : program.ops) {
      if (std::holds_alternative<Exchange>(op.action) || std::holds_alternative<Serve>(op.action)) return false;
      const auto* collective = std::get_if<Collective>(&op.action);
      if (collective == nullptr || collective->region.slice.count == 0) continue;
      if (schedule.mesh.axes[static_cast<std::size_t>(collective->axis)].extent != schedule.world_size()) return false;
      if (lock_steps(collective->kind, collective->algorithm, group_request(schedule, *collective)).empty()) return false;
    }
  return true;
}

bool may_meet_others(const Schedule& schedule) {
  std::set<int> streams;
  for (const Program& program : schedule.programs)
    for (const Op& op : program.ops) {
      if (std::holds_alternative<Compute>(op.action)) continue;
      if (std::holds_alternative<Exchange>(op.action) || std::holds_alternative<Serve>(op.action)) return true;
      const auto& collective = std::get<Collective>(op.action);
      if (schedule.mesh.axes[static_cast<std::size_t>(collective.axis)].extent != schedule.world_size()) return true;
      if (collective.channels > 1) return true;  // rings that meet each other
      streams.insert(op.stream);
    }
  return streams.size() > 1;
}

}  // namespace convoy
