#include "reference/schedule/ideal.h"

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "reference/core/error.h"

namespace convoy {
namespace {

constexpr double kNotYet = -1;

/// Names one message of the run: who sends to whom, which message or collective, iteration and round.
struct MessageKey {
  int from;
  int to;
  int id;
  int iteration;
  std::int64_t round;  ///< -1 for an Exchange
  int axis;
  int channel;
  friend bool operator==(const MessageKey&, const MessageKey&) = default;
};
struct HashKey {
  std::size_t operator()(const MessageKey& k) const {
    std::uint64_t h = 0x9e3779b97f4a7c15U;
    for (const std::uint64_t part :
         {static_cast<std::uint64_t>(k.from), static_cast<std::uint64_t>(k.to), static_cast<std::uint64_t>(k.id),
          static_cast<std::uint64_t>(k.iteration), static_cast<std::uint64_t>(k.round), static_cast<std::uint64_t>(k.axis),
          static_cast<std::uint64_t>(k.channel)})
      h = (h ^ part) * 0xbf58476d1ce4e5b9U + (h >> 29U);
    return static_cast<std::size_t>(h);
  }
};

/// When the two ends of a message were ready.
struct Meeting {
  double sender_s = kNotYet;
  double receiver_s = kNotYet;
};

/// Where one channel of a collective stands.
struct Lane {
  Rounds rounds;
  std::int64_t round = 0;
  double free_s = 0;  ///< end of the round before
};

/// Where one stream of one rank stands. Times are max-plus sums, so it does not matter in which order streams are looked at.
struct Cursor {
  int rank = 0;
  std::vector<int> ops;  ///< of this stream
  std::size_t next = 0;  ///< index into ops
  int iteration = 0;
  double free_s = 0;     ///< end of the op before
  bool started = false;  ///< the op at `next` has
  double start_s = 0;
  std::vector<Lane> channels;  ///< of the collective that has started
};

class Ideal {
 public:
  Ideal(const Schedule& schedule, int iterations, const CostModel& cost, const LinkFn& link)
      : schedule_(schedule), iterations_(iterations), cost_(cost), link_(link) {
    for (int r = 0; r < schedule.world_size(); ++r) {
      const Program& program = schedule.program(r);
      first_cursor_.push_back(cursors_.size());
      std::vector<Cursor> streams(static_cast<std::size_t>(program.stream_count()));
      for (std::size_t op = 0; op < program.ops.size(); ++op)
        streams[static_cast<std::size_t>(program.ops[op].stream)].ops.push_back(static_cast<int>(op));
      for (Cursor& cursor : streams) {
        cursor.rank = r;
        cursors_.push_back(std::move(cursor));
      }
      end_s_.emplace_back(program.ops.size() * static_cast<std::size_t>(iterations), kNotYet);
    }
    first_cursor_.push_back(cursors_.size());
  }

  Timeline run() {
    timeline_.clock = "formula";
    for (int r = 0; r < schedule_.world_size(); ++r) wake(r);
    while (!queue_.empty()) {
      const int rank = queue_.front();
      queue_.pop_front();
      waiting_[static_cast<std::size_t>(rank)] = false;
      const auto r = static_cast<std::size_t>(rank);
      for (bool moved = true; moved;) {
        moved = false;
        for (std::size_t c = first_cursor_[r]; c < first_cursor_[r + 1]; ++c)
          while (advance(cursors_[c])) moved = true;
      }
    }
    for (const Cursor& cursor : cursors_)
      require(cursor.iteration == iterations_ || cursor.ops.empty(), "ideal", "rank ", cursor.rank,
              " stands still; validate() the schedule first");
    return std::move(timeline_);
  }

 private:
  void wake(int rank) {
    waiting_.resize(static_cast<std::size_t>(schedule_.world_size()), false);
    if (waiting_[static_cast<std::size_t>(rank)]) return;
    waiting_[static_cast<std::size_t>(rank)] = true;
    queue_.push_back(rank);
  }

  double& end_s(int rank, int iteration, int op) {
    const std::size_t ops = schedule_.program(rank).ops.size();
    return end_s_[static_cast<std::size_t>(rank)][static_cast<std::size_t>(iteration) * ops + static_cast<std::size_t>(op)];
  }

  /// Carries a stream on by one op or one round; false when it has to wait or is at its end.
  bool advance(Cursor& cursor) {
    if (cursor.iteration == iterations_ || cursor.ops.empty()) return false;
    const int id = cursor.ops[cursor.next];
    const Op& op = schedule_.program(cursor.rank).ops[static_cast<std::size_t>(id)];
    if (!cursor.started && !start(cursor, op)) return false;
    double end = kNotYet;
    if (const auto* compute = std::get_if<Compute>(&op.action)) {
      end = cursor.start_s + cost_.compute_s(schedule_.program(cursor.rank), op, *compute);
    } else if (const auto* exchange = std::get_if<Exchange>(&op.action)) {
      end = exchange_end(cursor, *exchange);
    } else {
      require(std::holds_alternative<Collective>(op.action), "ideal", "op '", op.name,
              "' serves, and what servers do depends on when pushes come; simulate() it by formula");
      const Progress progress = advance_channels(cursor, std::get<Collective>(op.action));
      if (!progress.all_ended) return progress.moved;
      end = cursor.start_s;
      for (const Lane& lane : cursor.channels) end = std::max(end, lane.free_s);
    }
    if (end == kNotYet) return false;
    finish(cursor, id, end);
    return true;
  }

  struct Progress {
    bool moved = false;
    bool all_ended = true;
  };
  /// Carries every channel on by as many rounds as it can.
  Progress advance_channels(Cursor& cursor, const Collective& collective) {
    Progress progress;
    for (std::size_t c = 0; c < cursor.channels.size(); ++c) {
      Lane& lane = cursor.channels[c];
      for (; lane.round < lane.rounds.count; ++lane.round) {
        const double end_s = round_end(cursor, collective, static_cast<int>(c));
        if (end_s == kNotYet) break;
        lane.free_s = end_s;
        progress.moved = true;
      }
      progress.all_ended = progress.all_ended && lane.round == lane.rounds.count;
    }
    return progress;
  }

  /// The op begins once its stream is free and what it comes after has ended.
  bool start(Cursor& cursor, const Op& op) {
    double ready_s = cursor.free_s;
    for (const int earlier : op.after) {
      const double end = end_s(cursor.rank, cursor.iteration, earlier);
      if (end == kNotYet) return false;
      ready_s = std::max(ready_s, end);
    }
    cursor.started = true;
    cursor.start_s = ready_s;
    cursor.free_s = ready_s;
    cursor.channels.clear();
    if (const auto* collective = std::get_if<Collective>(&op.action)) {
      CollectiveRequest request = request_of(schedule_, cursor.rank, *collective);
      for (; request.channel < request.channels; ++request.channel)
        cursor.channels.push_back(
            {collective_algorithm(collective->kind, collective->algorithm).rounds(request), 0, cursor.start_s});
    }
    return true;
  }

  void finish(Cursor& cursor, int id, double end) {
    timeline_.intervals.push_back({cursor.rank, cursor.iteration, id, cursor.start_s, end});
    end_s(cursor.rank, cursor.iteration, id) = end;
    cursor.free_s = end;
    cursor.started = false;
    if (++cursor.next == cursor.ops.size()) {
      cursor.next = 0;
      ++cursor.iteration;
    }
  }

  /// Announces one end of a message, ready at `ready_s`. Its end when both ends are known, else kNotYet.
  double meet(const MessageKey& key, bool sender, double ready_s, std::int64_t bytes) {
    Meeting& meeting = meetings_[key];
    double& mine = sender ? meeting.sender_s : meeting.receiver_s;
    if (mine == kNotYet) {
      mine = ready_s;
      wake(sender ? key.to : key.from);
    }
    if (meeting.sender_s == kNotYet || meeting.receiver_s == kNotYet) return kNotYet;
    return std::max(meeting.sender_s, meeting.receiver_s) + link_(key.from, key.to).time_s(static_cast<double>(bytes));
  }

  double exchange_end(const Cursor& cursor, const Exchange& exchange) {
    double end = cursor.start_s;
    bool waiting = false;
    const auto side = [&](const Message& message, bool sender) {
      const int peer = schedule_.mesh.neighbour(cursor.rank, message.peer.axis, message.peer.offset);
      const MessageKey key{sender ? cursor.rank : peer, sender ? peer : cursor.rank, message.id, cursor.iteration, -1, 0, 0};
      const double moved = meet(key, sender, cursor.start_s, region_bytes(schedule_.program(cursor.rank), message.region));
      waiting = waiting || moved == kNotYet;
      end = std::max(end, moved);
    };
    if (exchange.send) side(*exchange.send, true);
    if (exchange.recv) side(*exchange.recv, false);
    return waiting ? kNotYet : end;
  }

  double round_end(const Cursor& cursor, const Collective& collective, int channel) {
    const Lane& lane = cursor.channels[static_cast<std::size_t>(channel)];
    const Round round = lane.rounds.at(lane.round);
    const int coordinate = schedule_.mesh.coordinate(cursor.rank, collective.axis);
    const std::int64_t element =
        size_bytes(schedule_.program(cursor.rank).buffers[static_cast<std::size_t>(collective.region.buffer)].dtype);
    double end = lane.free_s;
    bool waiting = false;
    const auto side = [&](const Transfer& transfer, bool sender) {
      const int peer = schedule_.mesh.neighbour(cursor.rank, collective.axis, transfer.peer - coordinate);
      const MessageKey key{sender ? cursor.rank : peer,
                           sender ? peer : cursor.rank,
                           collective.id,
                           cursor.iteration,
                           lane.round,
                           collective.axis,
                           channel};
      const double moved = meet(key, sender, lane.free_s, transfer.slice.count * element);
      waiting = waiting || moved == kNotYet;
      end = std::max(end, moved);
    };
    if (round.send) side(*round.send, true);
    if (round.recv) side(*round.recv, false);
    if (waiting) return kNotYet;
    if (round.recv && cost_.receive_s)
      end += cost_.receive_s(round.on_receive, static_cast<double>(round.recv->slice.count * element));
    return end;
  }

  const Schedule& schedule_;
  int iterations_;
  const CostModel& cost_;
  const LinkFn& link_;
  std::vector<Cursor> cursors_;
  std::vector<std::size_t> first_cursor_;
  std::vector<std::vector<double>> end_s_;
  std::unordered_map<MessageKey, Meeting, HashKey> meetings_;
  std::deque<int> queue_;
  std::vector<bool> waiting_;
  Timeline timeline_;
};

}  // namespace

Timeline ideal(const Schedule& schedule, int iterations, const CostModel& cost, const LinkFn& link) {
  return Ideal(schedule, iterations, cost, link).run();
}

}  // namespace convoy
