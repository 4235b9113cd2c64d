// Collectives, message by message: every channel goes through rounds of its own.
#include <cmath>

#include "reference/core/error.h"
#include "simulator/engine/run.h"

namespace convoy {

/// Every channel has rounds, or stretches, of its own.
void Run::start_channels(std::uint32_t id, const Collective& collective) {
  const Agent& agent = agents_[cursors_[id].agent];
  const CollectiveFacts& facts = agent.facts->collectives[static_cast<std::size_t>((*cursors_[id].ops)[cursors_[id].next])];
  const int channels = facts.channels;
  const auto streams = static_cast<std::uint32_t>(agent.facts->streams.size());
  const std::uint32_t first_helper =
      agent.first_cursor + streams + (id - agent.first_cursor) * static_cast<std::uint32_t>(agent.helpers);
  cursors_[id].channels_left = channels;
  CollectiveRequest request = request_of(schedule_, agent.rank, collective);
  for (int channel = channels - 1; channel >= 0; --channel) {
    const std::uint32_t at = channel == 0 ? id : first_helper + static_cast<std::uint32_t>(channel) - 1;
    if (channel > 0) {
      cursors_[at] = cursors_[id];
      cursors_[at].channel = channel;
      ready_.push_back(at);
    }
    if (is_folded(facts)) {
      cursors_[at].round_count = blocks_of(stretches_of(cursors_[at]).front());
      continue;
    }
    request.channel = channel;
    cursors_[at].rounds = collective_algorithm(collective.kind, collective.algorithm).rounds(request);
    cursors_[at].round_count = cursors_[at].rounds.count;
  }
}

/// The op is over when its last channel is.
void Run::channel_over(std::uint32_t id) {
  const std::uint32_t leader = cursors_[id].leader;
  cursors_[id].state = State::at_rest;
  if (--cursors_[leader].channels_left > 0) return;
  cursors_[leader].state = State::op_over;
  if (leader != id) ready_.push_back(leader);
}

/// Begins the next round, or block of a stretch, or ends the op.
void Run::next_round(std::uint32_t id) {
  Cursor& cursor = cursors_[id];
  const auto& collective = std::get<Collective>(op_of(cursor).action);
  const CollectiveFacts& facts = agents_[cursor.agent].facts->collectives[static_cast<std::size_t>((*cursor.ops)[cursor.next])];
  const bool by_stretches = is_folded(facts);
  if (++cursor.round == cursor.round_count) {
    cursor.round = 0;
    if (!by_stretches) return channel_over(id);
    if (++cursor.stretch == stretches_of(cursor).size()) return channel_over(id);
    cursor.round_count = blocks_of(stretches_of(cursor)[cursor.stretch]);
  }
  if (!by_stretches) return start_round(id, collective);
  const Stretch& stretch = stretches_of(cursor)[cursor.stretch];
  const int coordinate = schedule_.mesh.coordinate(agents_[cursor.agent].rank, collective.axis);
  if (settings_.by_class) return gather(id, collective, cursor.first_rank, static_cast<std::int64_t>(agents_.size()));
  gather(id, collective, cursor.first_rank + std::int64_t{stretch.first(coordinate)} * cursor.rank_stride, stretch.size);
}

void Run::start_round(std::uint32_t id, const Collective& collective) {
  Cursor& cursor = cursors_[id];
  const Agent& agent = agents_[cursor.agent];
  cursor.current = cursor.rounds.at(cursor.round);
  const Round round = cursor.current;
  cursor.pending = (round.send ? 1 : 0) + (round.recv ? 1 : 0);
  cursor.state = cursor.pending > 0 ? State::moving : State::round_over;
  const std::int64_t element_bytes = agent.facts->collectives[static_cast<std::size_t>((*cursor.ops)[cursor.next])].element_bytes;
  const auto rank_of = [&](int peer) { return cursor.first_rank + peer * cursor.rank_stride; };
  const std::uint64_t what = pair_of(collective.axis * kMostChannels + cursor.channel, collective.id);
  if (round.send) half(id, agent.rank, rank_of(round.send->peer), what, round.send->slice.count * element_bytes, true);
  if (round.recv) half(id, rank_of(round.recv->peer), agent.rank, what, round.recv->slice.count * element_bytes, false);
}

/// Adds or copies what arrived in a round.
void Run::place(std::uint32_t id, const Collective& collective) {
  Cursor& cursor = cursors_[id];
  cursor.state = State::round_over;
  if (!cursor.current.recv || !cost_.receive_s) {
    ready_.push_back(id);
    return;
  }
  const Agent& agent = agents_[cursor.agent];
  const Buffer& buffer = agent.program->buffers[static_cast<std::size_t>(collective.region.buffer)];
  const double time_s = cost_.receive_s(cursor.current.on_receive,
                                        static_cast<double>(cursor.current.recv->slice.count * size_bytes(buffer.dtype)));
  require(std::isfinite(time_s) && time_s >= 0, "simulate", "the cost model gives ", time_s, " s for what a collective received");
  cursor.state = State::placing;
  machine_.work(agent.rank, machine_.cluster().communication_cores, time_s, id);
}

}  // namespace convoy
