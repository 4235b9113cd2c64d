// Collectives, whole: by formula, or as a library takes them, a collective is one wait of its group.
#include <algorithm>
#include <cmath>

#include "reference/core/error.h"
#include "simulator/engine/run.h"

namespace convoy {

void Run::start_group(std::uint32_t id, const Collective& collective) {
  machine_.wait_until(machine_.now_s() + group_time_s(cursors_[gathering_[id].cursors.front()], collective), id | kOfGathering);
}

/// The time of the stretches of one channel on idle links: a ring goes through one when all its ranks are there, as long as on its
/// slowest edge, and other rings do not wait for it.
double Run::channel_time_s(const Cursor& cursor, const Collective& collective, const std::vector<Stretch>& stretches) const {
  const ProgramFacts& program = *agents_[cursor.agent].facts;
  const std::int64_t element_bytes = program.collectives[static_cast<std::size_t>((*cursor.ops)[cursor.next])].element_bytes;
  const int extent = schedule_.mesh.axes[static_cast<std::size_t>(collective.axis)].extent;
  std::vector<double> there_s(static_cast<std::size_t>(extent), 0);  // by coordinate
  for (const Stretch& stretch : stretches) {
    const auto bytes = static_cast<double>(stretch.elements * element_bytes);
    const auto rounds = static_cast<double>(stretch.rounds);
    std::vector<double> begin_s(there_s.size(), 0), slowest_s(there_s.size(), 0);  // by the first coordinate of a ring
    for (int coordinate = 0; coordinate < extent; ++coordinate) {
      const auto ring = static_cast<std::size_t>(stretch.first(coordinate));
      const LinkModel link =
          machine_.idle_link(cursor.first_rank + coordinate * cursor.rank_stride,
                             cursor.first_rank + stretch.next(coordinate) * cursor.rank_stride, bytes / rounds);
      slowest_s[ring] = std::max(slowest_s[ring], rounds * link.latency_s + bytes / link.bandwidth_bytes_per_s);
      begin_s[ring] = std::max(begin_s[ring], there_s[static_cast<std::size_t>(coordinate)]);
    }
    const double received_s = receive_s(stretch, element_bytes);
    for (int coordinate = 0; coordinate < extent; ++coordinate) {
      const auto ring = static_cast<std::size_t>(stretch.first(coordinate));
      there_s[static_cast<std::size_t>(coordinate)] = begin_s[ring] + slowest_s[ring] + received_s;
    }
  }
  return *std::ranges::max_element(there_s);
}

/// The time of a collective of a group on idle links.
double Run::group_time_s(const Cursor& cursor, const Collective& collective) {
  const Agent& agent = agents_[cursor.agent];
  const auto op = static_cast<std::size_t>((*cursor.ops)[cursor.next]);
  const auto [known, fresh] =
      group_times_s_.try_emplace({static_cast<std::uint64_t>(cursor.first_rank), pair_of(collective.axis, collective.id)}, 0);
  if (!fresh) return known->second;
  const CollectiveFacts& facts = agent.facts->collectives[op];
  double& time_s = known->second;
  if (settings_.collective_s) {
    std::vector<int> devices = schedule_.mesh.group(cursor.first_rank, collective.axis);
    if (!settings_.placement.empty())
      for (int& rank : devices) rank = settings_.placement[static_cast<std::size_t>(rank)];
    const double bytes = static_cast<double>(collective.region.slice.count * facts.element_bytes);
    time_s = settings_.collective_s(collective.kind, bytes, devices);
    require(std::isfinite(time_s) && time_s >= 0, "simulate", "the library takes ", time_s, " s for a collective");
    return time_s;
  }
  if (!facts.stretches.empty()) {
    for (const std::vector<Stretch>& channel : facts.stretches)
      time_s = std::max(time_s, channel_time_s(cursor, collective, channel));
    return time_s;
  }
  // No closed form: its rounds one after the other, with nothing else in the schedule.
  Schedule alone;
  alone.mesh = schedule_.mesh;
  alone.programs.resize(2);
  alone.programs[0].buffers = agent.program->buffers;
  alone.programs[0].ops = {agent.program->ops[op]};
  alone.programs[0].ops[0].after.clear();
  alone.class_of.assign(schedule_.class_of.size(), 1);
  for (const int rank : schedule_.mesh.group(cursor.first_rank, collective.axis))
    alone.class_of[static_cast<std::size_t>(rank)] = 0;
  const Timeline timeline = Run(alone, 1, machine_.cluster(), cost_,
                                {.fidelity = Fidelity::steps, .sharing = Sharing::none, .placement = settings_.placement})
                                .run();
  for (const Interval& interval : timeline.intervals) time_s = std::max(time_s, interval.end_s);
  return time_s;
}

}  // namespace convoy
