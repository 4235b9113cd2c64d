#include "reference/exec/replay.h"

#include <algorithm>
#include <iterator>
#include <span>

#include "reference/exec/combine.h"
#include "reference/exec/server.h"

namespace convoy {
namespace {

/// What one server did, as far as it has been done again.
struct Record {
  int rank = 0;
  const Op* op = nullptr;
  std::vector<ServedPush> pushes;  ///< in order
  std::size_t next = 0;
  int updates = 0;
};

/// A worker's step up to its pushes, and the answers that it has got since.
struct Worker {
  int iteration = -1;  ///< whose gradients it has; they are complete
  int answers = 0;     ///< to the pushes of it
};

class Replay {
 public:
  Replay(const Schedule& schedule, int iterations, const std::vector<ServedPush>& pushes, std::vector<RankMemory>& memories,
         const ComputeFn& compute)
      : schedule_(schedule), iterations_(iterations), memories_(memories), compute_(compute) {
    for (int rank = 0; rank < schedule.world_size(); ++rank) {
      memory(rank).bind(schedule.program(rank));
      for (const Op& op : schedule.program(rank).ops)
        if (std::holds_alternative<Serve>(op.action)) records_.push_back({.rank = rank, .op = &op, .pushes = {}});
    }
    require(!records_.empty(), "replay", "the schedule has no servers");
    for (Record& record : records_)
      std::ranges::copy_if(pushes, std::back_inserter(record.pushes), [&](const ServedPush& p) { return p.server == record.rank; });
    workers_.resize(std::get<Serve>(records_.front().op->action).pushes.size());
  }

  void run() {
    if (iterations_ == 0) return;
    for (std::size_t w = 0; w < workers_.size(); ++w) compute_gradients(static_cast<int>(w));
    for (bool moved = true; moved;) {
      moved = false;
      for (Record& record : records_)
        while (record.next < record.pushes.size() && is_ready(record.pushes[record.next])) {
          take(record);
          moved = true;
        }
    }
    for (const Record& record : records_)
      require(record.next == record.pushes.size() && record.pushes.size() == workers_.size() * static_cast<std::size_t>(iterations_),
              "replay", "the record of server ", record.rank, " does not fit ", iterations_, " iterations");
  }

 private:
  RankMemory& memory(int rank) { return memories_.at(static_cast<std::size_t>(rank)); }
  Worker& worker(int number) { return workers_.at(static_cast<std::size_t>(number)); }
  static const Serve& serve_of(const Record& record) { return std::get<Serve>(record.op->action); }
  [[nodiscard]] int rank_of(int number) const {
    return serve_of(records_.front()).pushes.at(static_cast<std::size_t>(number)).peer.offset;
  }

  bool is_ready(const ServedPush& push) { return worker(push.worker).iteration == push.iteration; }

  /// The compute ops of a worker's step; what it pushes and pulls is moved by take().
  void compute_gradients(int number) {
    Worker& mine = worker(number);
    mine = {.iteration = mine.iteration + 1};
    const int rank = rank_of(number);
    if (mine.iteration == iterations_) return;
    for (const Op& op : schedule_.program(rank).ops)
      if (const auto* compute = std::get_if<Compute>(&op.action))
        compute_({schedule_, rank, mine.iteration, op, *compute, memory(rank)});
  }

  /// The region of the message with this id in a worker's program.
  [[nodiscard]] Region region_at(int rank, int id, std::optional<Message> Exchange::* direction) const {
    for (const Op& op : schedule_.program(rank).ops)
      if (const auto* exchange = std::get_if<Exchange>(&op.action))
        if (const std::optional<Message>& message = exchange->*direction; message && message->id == id) return message->region;
    require(false, "replay", "rank ", rank, " has no message ", id);
    return {};
  }

  void move(int from, const Region& source, int to, const Region& target) {
    const DType dtype = schedule_.program(from).buffers[static_cast<std::size_t>(source.buffer)].dtype;
    combine(OnReceive::copy, dtype, memory(to).bytes_at(target), memory(from).bytes_at(source), source.slice.count);
  }

  /// One push, the update that is complete with it, and the answers that follow.
  void take(Record& record) {
    const ServedPush push = record.pushes[record.next++];
    const Serve& serve = serve_of(record);
    const Message& in = serve.pushes.at(static_cast<std::size_t>(push.worker));
    const int rank = rank_of(push.worker);
    move(rank, region_at(rank, in.id, &Exchange::send), record.rank, in.region);
    const auto taken = [&] { return std::span(record.pushes).first(record.next); };
    if (push.update == record.updates) {
      std::vector<int> members;
      std::size_t all = 0;
      for (const ServedPush& p : record.pushes) all += p.update == push.update ? 1U : 0U;
      for (const ServedPush& p : taken())
        if (p.update == push.update) members.push_back(p.worker);
      if (members.size() == all) {
        std::ranges::sort(members);
        make_update(schedule_, record.rank, *record.op, members, push.iteration, memory(record.rank), compute_);
        ++record.updates;
      }
    }
    // Whoever waits for the weights of now gets them, unless more of the same update is still to come.
    for (std::size_t i = 0; i < record.next; ++i)
      if (ServedPush& p = record.pushes[i]; p.answer == record.updates && p.update < record.updates) {
        p.answer = -1;
        answer(record, p.worker);
      }
  }

  void answer(Record& record, int number) {
    const Serve& serve = serve_of(record);
    const Message& out = serve.pulls.at(static_cast<std::size_t>(number));
    const int rank = rank_of(number);
    write_answer(serve, number, schedule_.program(record.rank), memory(record.rank));
    move(record.rank, out.region, rank, region_at(rank, out.id, &Exchange::recv));
    if (++worker(number).answers == static_cast<int>(records_.size())) compute_gradients(number);
  }

  const Schedule& schedule_;
  int iterations_;
  std::vector<RankMemory>& memories_;
  const ComputeFn& compute_;
  std::vector<Record> records_;
  std::vector<Worker> workers_;
};

}  // namespace

void replay(const Schedule& schedule, int iterations, const std::vector<ServedPush>& pushes, std::vector<RankMemory>& memories,
            const ComputeFn& compute) {
  require(memories.size() == static_cast<std::size_t>(schedule.world_size()), "replay", "got ", memories.size(),
          " memories for ", schedule.world_size(), " ranks");
  Replay(schedule, iterations, pushes, memories, compute).run();
}

}  // namespace convoy
