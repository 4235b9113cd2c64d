#include "simulator/engine/run.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "reference/core/error.h"

namespace convoy {
namespace {

/// Bits that tell apart what a token is of.
constexpr std::uint32_t kOfMessage = 1U << 30U;    ///< worked(): the receiver of a flow of a ring has put it in place
constexpr std::uint32_t kOfGathering = 1U << 29U;  ///< worked(): by formula, a collective is over

constexpr int kMostChannels = 4096;
constexpr int kMostStretches = 64;
constexpr std::size_t kBusiestLinks = 16;  ///< that a timeline lists

std::uint64_t pair_of(int high, int low) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(high)) << 32U | static_cast<std::uint32_t>(low);
}

bool communicates(const Op& op) {
  return std::holds_alternative<Collective>(op.action) || std::holds_alternative<Exchange>(op.action);
}

std::vector<int> devices_in_order(int ranks) {
  std::vector<int> devices(static_cast<std::size_t>(ranks));
  std::iota(devices.begin(), devices.end(), 0);
  return devices;
}

}  // namespace

std::size_t Run::HashTag::operator()(const Tag& tag) const {
  std::uint64_t h = (tag.ranks ^ 0x9e3779b97f4a7c15U) * 0xbf58476d1ce4e5b9U;
  h = (h ^ (h >> 29U) ^ tag.what) * 0x94d049bb133111ebU;
  return static_cast<std::size_t>(h ^ (h >> 32U));
}

Run::Run(const Schedule& schedule, int iterations, const Cluster& cluster, const CostModel& cost, const RunSettings& settings)
    : schedule_(schedule),
      iterations_(iterations),
      cost_(cost),
      settings_(settings),
      machine_(cluster, settings.placement.empty() ? devices_in_order(schedule.world_size()) : settings.placement,
               settings.fidelity == Fidelity::formula ? Sharing::none : settings.sharing,
               {.worked = [this](std::uint32_t token) { worked(token); },
                .arrived = [this](std::uint32_t message) { arrived(message); }}) {
  if (settings.communication_share > 0) machine_.let_communication_take(settings.communication_share);
  for (const Program& program : schedule.programs) {
    facts_.push_back(facts_of(schedule, program, cost));
    for (const CostModel& other : settings.other_costs) facts_.push_back(facts_of(schedule, program, other));
  }
  if (settings.by_class) {
    std::vector<bool> seen(facts_.size(), false);
    for (int rank = 0; rank < schedule.world_size(); ++rank)
      if (const std::size_t facts = facts_index(rank); !seen[facts]) {
        seen[facts] = true;
        add_agent(rank);
      }
  } else {
    for (int rank = 0; rank < schedule.world_size(); ++rank) add_agent(rank);
  }
}

std::size_t Run::kind_of(int rank) const {
  if (settings_.other_costs.empty() || machine_.is_host(rank)) return 0;
  const Cluster& cluster = machine_.cluster();
  int device = settings_.placement.empty() ? rank : settings_.placement[static_cast<std::size_t>(rank)];
  device -= cluster.nodes * cluster.devices_per_node;
  std::size_t kind = 0;
  while (device >= 0) {
    const Cluster& nodes = cluster.others.at(kind++);
    device -= nodes.nodes * nodes.devices_per_node;
  }
  return kind;
}

std::size_t Run::facts_index(int rank) const {
  const auto rank_class = static_cast<std::size_t>(schedule_.class_of[static_cast<std::size_t>(rank)]);
  return rank_class * (1 + settings_.other_costs.size()) + kind_of(rank);
}

void Run::add_agent(int rank) {
  const auto rank_class = static_cast<std::size_t>(schedule_.class_of[static_cast<std::size_t>(rank)]);
  Agent agent{.rank = rank,
              .program = &schedule_.programs[rank_class],
              .facts = &facts_[facts_index(rank)],
              .first_cursor = static_cast<std::uint32_t>(cursors_.size()),
              .first_interval = intervals_.size(),
              .first_count = ended_.size()};
  const std::size_t ops = agent.program->ops.size();
  for (const std::vector<int>& stream : agent.facts->streams) {
    Cursor cursor;
    cursor.agent = static_cast<std::uint32_t>(agents_.size());
    cursor.ops = &stream;
    cursor.leader = static_cast<std::uint32_t>(cursors_.size());
    cursors_.push_back(std::move(cursor));
  }
  agent.helpers = most_channels(*agent.facts) - 1;
  for (std::uint32_t stream = 0; stream < agent.facts->streams.size(); ++stream)
    for (int channel = 1; channel <= agent.helpers; ++channel) {
      Cursor helper = cursors_[agent.first_cursor + stream];
      helper.state = State::at_rest;
      helper.channel = channel;
      cursors_.push_back(std::move(helper));
    }
  ended_.resize(ended_.size() + ops, 0);
  for (int iteration = 0; iteration < iterations_; ++iteration)
    for (std::size_t op = 0; op < ops; ++op) intervals_.push_back({rank, iteration, static_cast<int>(op), NAN, NAN});
  agents_.push_back(agent);
}

Timeline Run::run() {
  for (std::uint32_t id = 0; id < cursors_.size(); ++id)
    if (cursors_[id].state == State::between_ops) ready_.push_back(id);
  advance_all();
  machine_.run();
  for (const Interval& interval : intervals_)
    if (!(interval.end_s >= interval.start_s))
      throw std::runtime_error(cat("the simulation stopped before op ", interval.op, " of rank ", interval.rank));
  Timeline timeline{.clock = settings_.fidelity == Fidelity::formula ? "formula" : "simulated",
                    .intervals = std::move(intervals_),
                    .fidelity = std::string(to_string(settings_.fidelity)),
                    .representatives = {},
                    .links = machine_.busiest(kBusiestLinks)};
  for (const auto& [cursor, server] : servers_)
    timeline.pushes.insert(timeline.pushes.end(), server.policy.log().begin(), server.policy.log().end());
  if (settings_.by_class) {
    std::vector<int> ranks(facts_.size(), 0);
    for (int rank = 0; rank < schedule_.world_size(); ++rank) ++ranks[facts_index(rank)];
    for (const Agent& agent : agents_) timeline.representatives.push_back({agent.rank, ranks[facts_index(agent.rank)]});
  }
  return timeline;
}

const Op& Run::op_of(const Cursor& cursor) const {
  return agents_[cursor.agent].program->ops[static_cast<std::size_t>((*cursor.ops)[cursor.next])];
}

// What calls back.

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
    const auto& collective = std::get<Collective>(op_of(cursor).action);
    const CollectiveFacts& facts = agents_[cursor.agent].facts->collectives[static_cast<std::size_t>((*cursor.ops)[cursor.next])];
    machine_.work(agents_[cursor.agent].rank, machine_.cluster().communication_cores,
                  receive_s(collective, stretches_of(cursor)[cursor.stretch], facts.element_bytes) / settings_.blocks,
                  id | kOfMessage);
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

// One stream.

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
    half(id, agent.rank, peer(*exchange.send), pair_of(-1, exchange.send->id),
         region_bytes(*agent.program, exchange.send->region), true);
  if (exchange.recv)
    half(id, peer(*exchange.recv), agent.rank, pair_of(-1, exchange.recv->id),
         region_bytes(*agent.program, exchange.recv->region), false);
}

// Messages.

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

// Collectives.

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
      cursors_[at].round_count = settings_.blocks;
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

double Run::receive_s(const Collective& collective, const Stretch& stretch, std::int64_t element_bytes) const {
  (void)collective;
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
  const auto rounds = static_cast<double>(shard(stretch.rounds, settings_.blocks, one.round).count);
  const auto bytes = static_cast<double>(shard(stretch.elements, settings_.blocks, one.round).count * facts.element_bytes);
  const double receive = machine_.shares_cores() ? 0 : receive_s(collective, stretch, facts.element_bytes) / settings_.blocks;
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

void Run::start_group(std::uint32_t id, const Collective& collective) {
  machine_.wait_until(machine_.now_s() + group_time_s(cursors_[gathering_[id].cursors.front()], collective), id | kOfGathering);
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

/// The time of the stretches of one channel on idle links: each as long as on its slowest edge.
double Run::channel_time_s(const Cursor& cursor, const Collective& collective, const std::vector<Stretch>& stretches) const {
  const ProgramFacts& program = *agents_[cursor.agent].facts;
  const std::int64_t element_bytes = program.collectives[static_cast<std::size_t>((*cursor.ops)[cursor.next])].element_bytes;
  const int extent = schedule_.mesh.axes[static_cast<std::size_t>(collective.axis)].extent;
  double time_s = 0;
  for (const Stretch& stretch : stretches) {
    const auto bytes = static_cast<double>(stretch.elements * element_bytes);
    const auto rounds = static_cast<double>(stretch.rounds);
    double slowest_s = 0;
    for (int coordinate = 0; coordinate < extent; ++coordinate) {
      const LinkModel link =
          machine_.idle_link(cursor.first_rank + coordinate * cursor.rank_stride,
                             cursor.first_rank + stretch.next(coordinate) * cursor.rank_stride, bytes / rounds);
      slowest_s = std::max(slowest_s, rounds * link.latency_s + bytes / link.bandwidth_bytes_per_s);
    }
    time_s += slowest_s + receive_s(collective, stretch, element_bytes);
  }
  return time_s;
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
