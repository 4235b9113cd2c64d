// One stream of a rank: which op begins next, what it waits for, and who is told when it is over.
#include <algorithm>

#include "reference/core/error.h"
#include "simulator/engine/run.h"

namespace convoy {
namespace {

bool communicates(const Op& op) {
  return std::holds_alternative<Collective>(op.action) || std::holds_alternative<Exchange>(op.action);
}

}  // namespace

void Run::worked(std::uint32_t token) {
  if ((token & kOfGathering) != 0) {
    release(token & ~kOfGathering);
  } else if ((token & kOfMessage) != 0) {
    const InFlight message = messages_[token & ~kOfMessage];
    free_messages_.push_back(token & ~kOfMessage);
    if (--gathering_[message.sender].flows == 0) release(message.sender);
  } else if (serves(token)) {
    updated(token);
  } else {
    Cursor& cursor = cursors_[token];
    cursor.state = cursor.state == State::placing ? State::round_over : State::op_over;
    ready_.push_back(token);
  }
  advance_all();
}

void Run::arrived(std::uint32_t id) {
  const InFlight message = messages_[id];
  if (!message.of_ring) {
    free_messages_.push_back(id);
    if (serves(message.receiver)) push_arrived(message.receiver, agents_[cursors_[message.sender].agent].rank);
    for (const std::uint32_t end : {message.sender, message.receiver})
      if (!serves(end)) half_moved(end);
  } else if (cost_.receive_s && machine_.shares_cores()) {
    const Cursor& cursor = cursors_[message.receiver];
    const CollectiveFacts& facts = agents_[cursor.agent].facts->collectives[static_cast<std::size_t>((*cursor.ops)[cursor.next])];
    const Stretch& stretch = stretches_of(cursor)[cursor.stretch];
    machine_.work(agents_[cursor.agent].rank, machine_.cluster().communication_cores,
                  receive_s(stretch, facts.element_bytes) / static_cast<double>(blocks_of(stretch)), id | kOfMessage);
  } else {
    free_messages_.push_back(id);
    if (--gathering_[message.sender].flows == 0) release(message.sender);
  }
  advance_all();
}

void Run::half_moved(std::uint32_t id) {
  Cursor& cursor = cursors_[id];
  if (--cursor.pending > 0) return;
  const Op& op = op_of(cursor);
  if (const auto* collective = std::get_if<Collective>(&op.action)) return place(id, *collective);
  cursor.state = State::op_over;
  ready_.push_back(id);
}

void Run::advance_all() {
  while (looked_at_ < ready_.size()) advance(ready_[looked_at_++]);
  ready_.clear();
  looked_at_ = 0;
}

void Run::advance(std::uint32_t id) {
  for (;;) {
    Cursor& cursor = cursors_[id];
    switch (cursor.state) {
      case State::between_ops:
        if (cursor.iteration == iterations_ || !may_start(cursor)) return;
        start(id);
        break;
      case State::round_over: next_round(id); break;
      case State::op_over: op_over(id); break;
      case State::computing:
      case State::moving:
      case State::placing:
      case State::gathering:
      case State::serving:
      case State::at_rest: return;
    }
  }
}

bool Run::may_start(const Cursor& cursor) const {
  const Agent& agent = agents_[cursor.agent];
  const std::vector<int>& after = op_of(cursor).after;
  return std::all_of(after.begin(), after.end(), [&](int earlier) {
    return ended_[agent.first_count + static_cast<std::size_t>(earlier)] > cursor.iteration;
  });
}

void Run::start(std::uint32_t id) {
  Cursor& cursor = cursors_[id];
  cursor.start_s = machine_.now_s();
  const Op& op = op_of(cursor);
  if (communicates(op)) machine_.communicates(agents_[cursor.agent].rank, true);
  if (std::holds_alternative<Compute>(op.action))
    start_computing(id);
  else if (const auto* exchange = std::get_if<Exchange>(&op.action))
    start_exchange(id, *exchange);
  else if (const auto* serve = std::get_if<Serve>(&op.action))
    start_serving(id, *serve);
  else
    start_collective(id, std::get<Collective>(op.action));
}

void Run::op_over(std::uint32_t id) {
  Cursor& cursor = cursors_[id];
  const Agent& agent = agents_[cursor.agent];
  record(cursor, cursor.start_s, machine_.now_s());
  if (communicates(op_of(cursor))) machine_.communicates(agent.rank, false);
  ++ended_[agent.first_count + static_cast<std::size_t>((*cursor.ops)[cursor.next])];
  cursor.state = State::between_ops;
  if (++cursor.next == cursor.ops->size()) {
    cursor.next = 0;
    ++cursor.iteration;
  }
  for (std::uint32_t other = agent.first_cursor; other < agent.first_cursor + agent.facts->streams.size(); ++other)
    if (other != id && cursors_[other].state == State::between_ops) ready_.push_back(other);
}

void Run::record(const Cursor& cursor, double start_s, double end_s) {
  const Agent& agent = agents_[cursor.agent];
  const std::size_t ops = agent.program->ops.size();
  const auto op = static_cast<std::size_t>((*cursor.ops)[cursor.next]);
  Interval& interval = intervals_[agent.first_interval + static_cast<std::size_t>(cursor.iteration) * ops + op];
  interval.start_s = start_s;
  interval.end_s = end_s;
}

/// Ops between which nobody looks are one timer, unless they can slow each other down.
void Run::start_computing(std::uint32_t id) {
  Cursor& cursor = cursors_[id];
  const Agent& agent = agents_[cursor.agent];
  const auto op = [&] { return static_cast<std::size_t>((*cursor.ops)[cursor.next]); };
  cursor.state = State::computing;
  const auto compute_s = [&] {
    const double time_s = agent.facts->compute_s[op()];
    if (!settings_.compute_factor) return time_s;
    return time_s * settings_.compute_factor(agent.rank, cursor.iteration, (*cursor.ops)[cursor.next]);
  };
  if (machine_.shares_cores() || machine_.communication_takes_compute())
    return machine_.work(agent.rank, machine_.cluster().cores_per_rank, compute_s(), id);
  double end_s = cursor.start_s + compute_s();
  while (agent.facts->runs_on[op()]) {
    record(cursor, cursor.start_s, end_s);
    ++ended_[agent.first_count + op()];
    ++cursor.next;
    cursor.start_s = end_s;
    end_s += compute_s();
  }
  machine_.wait_until(end_s, id);
}

void Run::start_exchange(std::uint32_t id, const Exchange& exchange) {
  Cursor& cursor = cursors_[id];
  const Agent& agent = agents_[cursor.agent];
  cursor.state = State::moving;
  cursor.pending = (exchange.send ? 1 : 0) + (exchange.recv ? 1 : 0);
  if (cursor.pending == 0) cursor.state = State::op_over;
  const auto peer = [&](const Message& message) {
    return schedule_.mesh.neighbour(agent.rank, message.peer.axis, message.peer.offset);
  };
  if (exchange.send)
    half(id, agent.rank, peer(*exchange.send), message_name(exchange.send->id),
         region_bytes(*agent.program, exchange.send->region), true);
  if (exchange.recv)
    half(id, peer(*exchange.recv), agent.rank, message_name(exchange.recv->id),
         region_bytes(*agent.program, exchange.recv->region), false);
}

void Run::start_collective(std::uint32_t id, const Collective& collective) {
  Cursor& cursor = cursors_[id];
  const int rank = agents_[cursor.agent].rank;
  const int extent = schedule_.mesh.axes[static_cast<std::size_t>(collective.axis)].extent;
  cursor.first_rank = schedule_.mesh.neighbour(rank, collective.axis, -schedule_.mesh.coordinate(rank, collective.axis));
  cursor.rank_stride = extent > 1 ? schedule_.mesh.neighbour(cursor.first_rank, collective.axis, 1) - cursor.first_rank : 0;
  cursor.round = -1;
  cursor.stretch = 0;
  cursor.state = State::round_over;
  if (extent < 2 || collective.region.slice.count == 0) {
    cursor.state = State::op_over;
  } else if (settings_.whole_collectives()) {
    gather(id, collective, cursor.first_rank, settings_.by_class ? static_cast<std::int64_t>(agents_.size()) : extent);
  } else {
    start_channels(id, collective);
  }
}

std::uint32_t Run::add_message(const InFlight& message) {
  if (free_messages_.empty()) {
    messages_.push_back(message);
    return static_cast<std::uint32_t>(messages_.size() - 1);
  }
  const std::uint32_t id = free_messages_.back();
  free_messages_.pop_back();
  messages_[id] = message;
  return id;
}

/// One end of a message is ready; the second one to be so starts it.
void Run::half(std::uint32_t id, int from, int to, std::uint64_t what, std::int64_t bytes, bool sends) {
  const auto [other, first] = waiting_.try_emplace({pair_of(from, to), what}, id);
  if (first) return;
  const std::uint32_t peer = other->second;
  waiting_.erase(other);
  const std::uint32_t message = add_message({.sender = sends ? id : peer, .receiver = sends ? peer : id});
  machine_.send({.from = from, .to = to, .bytes = static_cast<double>(bytes)}, message);
}

}  // namespace convoy
