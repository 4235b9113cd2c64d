// Collectives, stretch by stretch: members of a ring wait for each other, and then one flow runs between every two neighbours.
#include <cmath>
#include <unordered_map>

#include "reference/core/error.h"
#include "simulator/engine/run.h"

namespace convoy {

/// Joins the others of a ring, or of a group; the last one to come starts it.
void Run::gather(std::uint32_t id, const Collective& collective, std::int64_t first, std::int64_t expected) {
  Cursor& cursor = cursors_[id];
  cursor.state = State::gathering;
  const Tag tag{static_cast<std::uint64_t>(first),
                pair_of((collective.axis * kMostChannels + cursor.channel) * kMostStretches + static_cast<int>(cursor.stretch),
                        collective.id)};
  const auto [found, fresh] = gatherings_.try_emplace(tag, static_cast<std::uint32_t>(gathering_.size()));
  if (fresh) gathering_.emplace_back();
  Gathering& gathering = gathering_[found->second];
  gathering.cursors.push_back(id);
  if (static_cast<std::int64_t>(gathering.cursors.size()) < expected) return;
  if (settings_.whole_collectives())
    start_group(found->second, collective);
  else
    start_ring(found->second, collective);
}

double Run::receive_s(const Stretch& stretch, std::int64_t element_bytes) const {
  if (!cost_.receive_s) return 0;
  const double bytes = static_cast<double>(stretch.elements * element_bytes) / static_cast<double>(stretch.rounds);
  const double time_s = static_cast<double>(stretch.adds) * cost_.receive_s(OnReceive::add, bytes) +
                        static_cast<double>(stretch.rounds - stretch.adds) * cost_.receive_s(OnReceive::copy, bytes);
  require(std::isfinite(time_s) && time_s >= 0, "simulate", "the cost model gives ", time_s, " s for what a collective received");
  return time_s;
}

/// One flow for each pair of neighbours.
void Run::start_ring(std::uint32_t id, const Collective& collective) {
  const std::vector<std::uint32_t> members = gathering_[id].cursors;
  const Cursor& one = cursors_[members.front()];
  const CollectiveFacts& facts = agents_[one.agent].facts->collectives[static_cast<std::size_t>((*one.ops)[one.next])];
  const Stretch& stretch = stretches_of(one)[one.stretch];
  const std::int64_t blocks = blocks_of(stretch);
  const auto rounds = static_cast<double>(shard(stretch.rounds, blocks, one.round).count);
  const auto bytes = static_cast<double>(shard(stretch.elements, blocks, one.round).count * facts.element_bytes);
  const double receive = machine_.shares_cores() ? 0 : receive_s(stretch, facts.element_bytes) / static_cast<double>(blocks);
  const auto start = [&](int place_of_sender, std::uint32_t receiver) {
    const int next = stretch.next(place_of_sender);
    const std::uint32_t message = add_message({.sender = id, .receiver = receiver, .of_ring = true});
    ++gathering_[id].flows;
    machine_.send({.from = one.first_rank + place_of_sender * one.rank_stride,
                   .to = one.first_rank + next * one.rank_stride,
                   .bytes = bytes,
                   .rounds = rounds,
                   .extra_latency_s = receive},
                  message);
  };
  if (settings_.by_class) {
    for (int coordinate = 0; coordinate < schedule_.world_size(); ++coordinate) start(coordinate, members.front());
    return;
  }
  // A member receives what the one before it on the ring sends.
  std::unordered_map<int, std::uint32_t> cursor_at;
  for (const std::uint32_t member : members)
    cursor_at[schedule_.mesh.coordinate(agents_[cursors_[member].agent].rank, collective.axis)] = member;
  for (const std::uint32_t member : members) {
    const int coordinate = schedule_.mesh.coordinate(agents_[cursors_[member].agent].rank, collective.axis);
    start(coordinate, cursor_at.at(stretch.next(coordinate)));
  }
}

/// Everybody of a ring goes on.
void Run::release(std::uint32_t id) {
  std::vector<std::uint32_t>& members = gathering_[id].cursors;
  for (const std::uint32_t member : members) {
    cursors_[member].state = settings_.whole_collectives() ? State::op_over : State::round_over;
    ready_.push_back(member);
  }
  members.clear();
}

const std::vector<Stretch>& Run::stretches_of(const Cursor& cursor) const {
  const ProgramFacts& facts = *agents_[cursor.agent].facts;
  return facts.collectives[static_cast<std::size_t>((*cursor.ops)[cursor.next])]
      .stretches[static_cast<std::size_t>(cursor.channel)];
}

}  // namespace convoy
