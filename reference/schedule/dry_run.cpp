#include "reference/schedule/dry_run.h"

#include <deque>
#include <map>
#include <numeric>
#include <tuple>

#include "reference/core/error.h"

namespace convoy {
namespace {

/// One rank that is run, standing for itself or for its whole class.
struct Runner {
  int rank = 0;
  std::vector<std::vector<int>> streams;  ///< ops of each stream in order
  std::vector<std::size_t> next;          ///< of each stream
  std::vector<bool> reached;              ///< of each stream: its next op has been announced to its partners
  std::vector<bool> done;                 ///< of each op
};

class DryRun {
 public:
  DryRun(const Schedule& schedule, const std::vector<int>& ranks, bool quotient) : schedule_(schedule), quotient_(quotient) {
    for (const int rank : ranks) {
      Runner runner{.rank = rank, .streams = {}, .next = {}, .reached = {}, .done = {}};
      const Program& program = schedule.program(rank);
      runner.streams.resize(static_cast<std::size_t>(program.stream_count()));
      for (std::size_t op = 0; op < program.ops.size(); ++op)
        runner.streams[static_cast<std::size_t>(program.ops[op].stream)].push_back(static_cast<int>(op));
      runner.next.assign(runner.streams.size(), 0);
      runner.reached.assign(runner.streams.size(), false);
      runner.done.assign(program.ops.size(), false);
      if (quotient)
        for (const Op& op : program.ops)
          if (const auto* collective = std::get_if<Collective>(&op.action)) ++members_[{collective->axis, collective->id}];
      index_of_[rank] = runners_.size();
      runners_.push_back(std::move(runner));
    }
  }

  std::vector<Problem> run() {
    for (std::size_t i = 0; i < runners_.size(); ++i) queue_.push_back(i);
    while (!queue_.empty()) {
      const std::size_t i = queue_.front();
      queue_.pop_front();
      while (advance(runners_[i])) {
      }
    }
    std::vector<Problem> problems;
    for (const Runner& runner : runners_)
      for (std::size_t s = 0; s < runner.streams.size(); ++s)
        if (runner.next[s] < runner.streams[s].size()) problems.push_back(stuck(runner, runner.streams[s][runner.next[s]]));
    return problems;
  }

 private:
  using MessageKey = std::tuple<int, int, int>;  // from, to, id
  using GroupKey = std::tuple<int, int, int>;    // first rank of the group, axis, id

  const Op& op_of(const Runner& runner, int op) const { return schedule_.program(runner.rank).ops[static_cast<std::size_t>(op)]; }

  /// Moves every stream of a rank as far as it goes by one op; true when anything ended.
  bool advance(Runner& runner) {
    bool any = false;
    for (std::size_t s = 0; s < runner.streams.size(); ++s) {
      if (runner.next[s] == runner.streams[s].size()) continue;
      const int id = runner.streams[s][runner.next[s]];
      const Op& op = op_of(runner, id);
      bool ready = true;
      for (const int earlier : op.after) ready = ready && runner.done[static_cast<std::size_t>(earlier)];
      if (!ready) continue;
      if (!runner.reached[s]) {
        runner.reached[s] = true;
        announce(runner, op);
      }
      if (!complete(runner, op)) continue;
      answer(runner, op);
      runner.done[static_cast<std::size_t>(id)] = true;
      runner.reached[s] = false;
      ++runner.next[s];
      any = true;
    }
    return any;
  }

  GroupKey group_key(const Runner& runner, const Collective& collective) const {
    const int first = quotient_ ? 0
                                : schedule_.mesh.neighbour(runner.rank, collective.axis,
                                                           -schedule_.mesh.coordinate(runner.rank, collective.axis));
    return {first, collective.axis, collective.id};
  }

  /// Tells the partners of an op that it has been reached, and has them looked at again.
  void announce(Runner& runner, const Op& op) {
    if (const auto* exchange = std::get_if<Exchange>(&op.action)) {
      if (exchange->send)
        post(runner.rank, peer(runner, exchange->send->peer), exchange->send->id, peer(runner, exchange->send->peer), sends_);
      if (exchange->recv)
        post(peer(runner, exchange->recv->peer), runner.rank, exchange->recv->id, peer(runner, exchange->recv->peer), recvs_);
    } else if (const auto* collective = std::get_if<Collective>(&op.action)) {
      ++arrived_[group_key(runner, *collective)];
      if (arrived_[group_key(runner, *collective)] == members(*collective))
        for (std::size_t i = 0; i < runners_.size(); ++i) queue_.push_back(i);
    } else if (const auto* serve = std::get_if<Serve>(&op.action)) {  // takes whatever comes
      for (const Message& push : serve->pushes)
        post(peer(runner, push.peer), runner.rank, push.id, peer(runner, push.peer), recvs_);
    }
  }

  /// What a Serve op sends when it is over. It may answer earlier, never later.
  void answer(const Runner& runner, const Op& op) {
    const auto* serve = std::get_if<Serve>(&op.action);
    if (serve == nullptr) return;
    for (const Message& pull : serve->pulls) post(runner.rank, peer(runner, pull.peer), pull.id, peer(runner, pull.peer), sends_);
  }

  void post(int from, int to, int id, int wake, std::map<MessageKey, int>& posts) {
    ++posts[{from, to, id}];
    queue_.push_back(index_of_.at(wake));
  }

  bool complete(const Runner& runner, const Op& op) {
    if (const auto* exchange = std::get_if<Exchange>(&op.action)) {
      const bool sent = !exchange->send || recvs_.contains({runner.rank, peer(runner, exchange->send->peer), exchange->send->id});
      const bool received =
          !exchange->recv || sends_.contains({peer(runner, exchange->recv->peer), runner.rank, exchange->recv->id});
      return sent && received;
    }
    if (const auto* collective = std::get_if<Collective>(&op.action))
      return arrived_[group_key(runner, *collective)] >= members(*collective);
    if (const auto* serve = std::get_if<Serve>(&op.action)) return unpushed(runner, *serve) == nullptr;
    return true;
  }

  /// The first push that has not come; null when all have.
  const Message* unpushed(const Runner& runner, const Serve& serve) const {
    for (const Message& push : serve.pushes)
      if (!sends_.contains({peer(runner, push.peer), runner.rank, push.id})) return &push;
    return nullptr;
  }

  int members(const Collective& collective) const {
    if (!quotient_) return schedule_.mesh.axes[static_cast<std::size_t>(collective.axis)].extent;
    return members_.at({collective.axis, collective.id});
  }

  int peer(const Runner& runner, const Peer& peer) const { return schedule_.mesh.neighbour(runner.rank, peer.axis, peer.offset); }

  Problem stuck(const Runner& runner, int id) const {
    const Op& op = op_of(runner, id);
    std::string waits = "waits for an earlier op of its rank that never ends";
    for (const int earlier : op.after)
      if (!runner.done[static_cast<std::size_t>(earlier)])
        return {runner.rank, id, "deadlock",
                cat("waits for op ", earlier, " (", op_of(runner, earlier).name, "), which never ends")};
    if (const auto* exchange = std::get_if<Exchange>(&op.action)) {
      const bool sending =
          exchange->send && !recvs_.contains({runner.rank, peer(runner, exchange->send->peer), exchange->send->id});
      const Message& message = sending ? *exchange->send : *exchange->recv;
      waits = cat("waits for ever for rank ", peer(runner, message.peer), sending ? " to receive" : " to send", " message ",
                  message.id);
    } else if (const auto* collective = std::get_if<Collective>(&op.action)) {
      waits = cat("waits for ever in ", to_string(collective->kind), " ", collective->id,
                  " for ranks that stand in front of something else");
    } else if (const auto* serve = std::get_if<Serve>(&op.action)) {
      if (const Message* push = unpushed(runner, *serve))
        waits = cat("waits for ever for rank ", peer(runner, push->peer), " to push message ", push->id);
    }
    return {runner.rank, id, "deadlock", waits};
  }

  const Schedule& schedule_;
  bool quotient_;
  std::vector<Runner> runners_;
  std::map<int, std::size_t> index_of_;
  std::deque<std::size_t> queue_;
  std::map<MessageKey, int> sends_;
  std::map<MessageKey, int> recvs_;
  std::map<GroupKey, int> arrived_;
  std::map<std::pair<int, int>, int> members_;  ///< by axis and id: with one rank for each class, those that must all come
};

}  // namespace

std::vector<Problem> find_deadlocks(const Schedule& schedule) {
  std::int64_t ops = 0;
  bool messages = false;
  bool of_all = true;  // every collective is one of all ranks: then a rank for each class says exactly what all would
  for (int r = 0; r < schedule.world_size(); ++r) ops += static_cast<std::int64_t>(schedule.program(r).ops.size());
  for (const Program& program : schedule.programs)
    for (const Op& op : program.ops) {
      messages = messages || std::holds_alternative<Exchange>(op.action) || std::holds_alternative<Serve>(op.action);
      if (const auto* collective = std::get_if<Collective>(&op.action))
        of_all = of_all && schedule.mesh.axes[static_cast<std::size_t>(collective->axis)].extent == schedule.world_size();
    }

  const std::int64_t few_ops = of_all ? 20'000 : 2'000'000;
  std::vector<int> ranks(static_cast<std::size_t>(schedule.world_size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  if (ops <= few_ops || messages) return DryRun(schedule, ranks, false).run();

  std::map<int, int> representative;
  for (const int r : ranks) representative.try_emplace(schedule.class_of[static_cast<std::size_t>(r)], r);
  ranks.clear();
  for (const auto& [rank_class, rank] : representative) ranks.push_back(rank);
  return DryRun(schedule, ranks, true).run();
}

}  // namespace convoy
