#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "reference/exec/binding.h"
#include "reference/exec/combine.h"
#include "reference/exec/exec.h"
#include "reference/exec/post_office.h"
#include "reference/exec/server.h"
#include "reference/schedule/validate.h"

namespace convoy {
namespace {

using Clock = std::chrono::steady_clock;

/// The ops of one rank that have ended, for those that come after them on other streams. Ops that nobody on another stream waits
/// for are not noted: noting wakes whoever waits, and that costs some microseconds of the core that computes.
class Progress {
 public:
  explicit Progress(const Program& program) : ended_(program.ops.size(), 0), awaited_(program.ops.size(), false) {
    for (const Op& op : program.ops)
      for (const int earlier : op.after)
        if (program.ops[static_cast<std::size_t>(earlier)].stream != op.stream)
          awaited_[static_cast<std::size_t>(earlier)] = true;
  }
  /// `ops` on other streams; those on the caller's own have ended, since a stream runs in order.
  void wait_for(const std::vector<int>& ops, int iteration) {
    if (std::none_of(ops.begin(), ops.end(), [&](int op) { return awaited_[static_cast<std::size_t>(op)]; })) return;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      return stopped_ || std::all_of(ops.begin(), ops.end(), [&](int op) {
               const auto i = static_cast<std::size_t>(op);
               return !awaited_[i] || ended_[i] > iteration;
             });
    });
    if (stopped_) throw Stopped();
  }
  void ended(std::size_t op, int iteration) {
    if (!awaited_[op]) return;
    {
      const std::lock_guard lock(mutex_);
      ended_[op] = iteration + 1;
    }
    changed_.notify_all();
  }
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> ended_;     ///< iterations in which each op has ended
  std::vector<bool> awaited_;  ///< by an op of another stream
  bool stopped_ = false;
};

class ThreadsRun {
 public:
  ThreadsRun(const Schedule& schedule, int iterations, std::vector<RankMemory>& memories, const ComputeFn& compute,
             const RunOptions& options)
      : schedule_(schedule),
        iterations_(iterations),
        memories_(memories),
        compute_(compute),
        options_(options),
        post_office_(schedule.world_size(), options.time_out_s) {
    for (int r = 0; r < schedule.world_size(); ++r) {
      progress_.push_back(std::make_unique<Progress>(schedule.program(r)));
      memories[static_cast<std::size_t>(r)].bind(schedule.program(r));
      if (options.poison) memories[static_cast<std::size_t>(r)].poison();
    }
    for (int r = 0; r < schedule.world_size(); ++r)
      for (const Op& op : schedule.program(r).ops)
        if (std::holds_alternative<Serve>(op.action))
          servers_[r] = std::make_unique<Server>(schedule, r, op, iterations, memories[static_cast<std::size_t>(r)], compute);
    if (options.poison)
      for (const Program& program : schedule.programs) last_uses_.push_back(last_uses(program));
  }

  Timeline run() {
    start_ = Clock::now();
    struct Lane {
      std::vector<Interval> intervals;
      std::thread thread;
    };
    std::vector<Lane> lanes;
    for (int r = 0; r < schedule_.world_size(); ++r)
      for (int s = 0; s < schedule_.program(r).stream_count(); ++s) lanes.emplace_back();
    std::size_t lane = 0;
    for (int r = 0; r < schedule_.world_size(); ++r)
      for (int s = 0; s < schedule_.program(r).stream_count(); ++s, ++lane) {
        std::vector<Interval>& intervals = lanes[lane].intervals;
        lanes[lane].thread = std::thread([this, r, s, &intervals] { stream_main(r, s, intervals); });
      }
    for (Lane& each : lanes) each.thread.join();
    if (failure_) std::rethrow_exception(failure_);
    Timeline timeline{.clock = "steady", .intervals = {}};
    for (const Lane& each : lanes)
      timeline.intervals.insert(timeline.intervals.end(), each.intervals.begin(), each.intervals.end());
    for (const auto& [rank, server] : servers_)
      timeline.pushes.insert(timeline.pushes.end(), server->log().begin(), server->log().end());
    return timeline;
  }

 private:
  [[nodiscard]] double now_s() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  void stream_main(int rank, int stream, std::vector<Interval>& intervals) {
    int iteration = 0;
    std::size_t op = 0;
    try {
      if (stream != kComputeStream) ask_to_go_first();
      if (options_.bound_cores > 0) bind_to_cores(rank, schedule_.world_size(), options_.bound_cores);
      if (options_.on_thread_start) options_.on_thread_start(rank, stream);
      const std::vector<Op>& ops = schedule_.program(rank).ops;
      for (; iteration < iterations_; ++iteration) {
        for (op = 0; op < ops.size(); ++op)
          if (ops[op].stream == stream) run_op(rank, iteration, op, intervals);
        if (stream == kComputeStream && options_.on_step_end) options_.on_step_end(rank, iteration);
      }
    } catch (const Stopped&) {  // the one that failed has already told why
    } catch (const std::exception& error) {
      const std::vector<Op>& ops = schedule_.program(rank).ops;
      const std::string told = cat("rank ", rank, ", iteration ", iteration, ", op ", op,
                                   op < ops.size() ? " (" + ops[op].name + ")" : "", ": ", error.what());
      const bool late = dynamic_cast<const TimedOut*>(&error) != nullptr;
      fail(late ? std::make_exception_ptr(TimedOut(told)) : std::make_exception_ptr(std::runtime_error(told)));
    }
  }

  void fail(std::exception_ptr error) {
    {
      const std::lock_guard lock(failure_mutex_);
      if (!failure_) failure_ = std::move(error);
    }
    for (auto& progress : progress_) progress->stop();
    post_office_.stop();
  }

  void run_op(int rank, int iteration, std::size_t id, std::vector<Interval>& intervals) {
    const Op& op = schedule_.program(rank).ops[id];
    Progress& progress = *progress_[static_cast<std::size_t>(rank)];
    progress.wait_for(op.after, iteration);
    const double start = now_s();
    std::int64_t sent_bytes = 0;
    if (const auto* compute = std::get_if<Compute>(&op.action)) {
      compute_({schedule_, rank, iteration, op, *compute, memories_[static_cast<std::size_t>(rank)]});
    } else if (const auto* exchange = std::get_if<Exchange>(&op.action)) {
      sent_bytes = run_exchange(rank, iteration, *exchange);
    } else if (const auto* serve = std::get_if<Serve>(&op.action)) {
      sent_bytes = run_server(rank, iteration, *serve);
    } else {
      sent_bytes = run_collective(rank, iteration, std::get<Collective>(op.action));
    }
    if (options_.poison)
      for (const int buffer : last_uses_[static_cast<std::size_t>(schedule_.class_of[static_cast<std::size_t>(rank)])][id])
        memories_[static_cast<std::size_t>(rank)].poison(buffer);
    if (options_.record) intervals.push_back({rank, iteration, static_cast<int>(id), start, now_s(), sent_bytes});
    progress.ended(id, iteration);
  }

  /// Returns the bytes sent.
  std::int64_t run_exchange(int rank, int iteration, const Exchange& exchange) {
    std::optional<Parcel> out;
    std::optional<Parcel> in;
    if (exchange.send) {
      const int to = schedule_.mesh.neighbour(rank, exchange.send->peer.axis, exchange.send->peer.offset);
      out = Parcel{{rank, to, -1, exchange.send->id, iteration, 0}, exchange.send->region};
    }
    if (exchange.recv) {
      const int from = schedule_.mesh.neighbour(rank, exchange.recv->peer.axis, exchange.recv->peer.offset);
      in = Parcel{{from, rank, -1, exchange.recv->id, iteration, 0}, exchange.recv->region};
    }
    return move(rank, {{{out, in, OnReceive::copy, false}}});
  }

  /// Takes pushes, whatever iteration of theirs they are of, until this iteration is over. Answers are not waited for: who is
  /// answered pushes again only after it has read.
  std::int64_t run_server(int rank, int iteration, const Serve& serve) {
    Server& server = *servers_.at(rank);
    const RankMemory& memory = memories_[static_cast<std::size_t>(rank)];
    const auto peer = [&](const Message& message) { return schedule_.mesh.neighbour(rank, message.peer.axis, message.peer.offset); };
    std::int64_t sent_bytes = 0;
    while (!server.is_over(iteration)) {
      std::vector<MessageName> names;
      std::vector<int> workers;
      for (std::size_t w = 0; w < serve.pushes.size(); ++w) {
        const int awaited = server.awaited(static_cast<int>(w));
        if (awaited == iterations_) continue;
        names.push_back({peer(serve.pushes[w]), rank, -1, serve.pushes[w].id, awaited, 0});
        workers.push_back(static_cast<int>(w));
      }
      const auto [which, letter] = post_office_.wait_for_any(names);
      const Message& push = serve.pushes[static_cast<std::size_t>(workers[which])];
      const std::int64_t bytes = region_bytes(schedule_.program(rank), push.region);
      require(letter->bytes == bytes, "run_on_threads", "rank ", letter->from, " pushed ", letter->bytes, " bytes where ", bytes,
              " are expected");
      if (bytes > 0) std::memcpy(memory.bytes_at(push.region), letter->data, static_cast<std::size_t>(bytes));
      post_office_.done_reading(*letter);
      const ServeDecision decision = server.take(workers[which]);
      for (const int answered : decision.answered) {
        const Message& pull = serve.pulls[static_cast<std::size_t>(answered)];
        const std::int64_t answer_bytes = region_bytes(schedule_.program(rank), pull.region);
        post_office_.offer({rank, peer(pull), -1, pull.id, server.awaited(answered) - 1, 0}, memory.bytes_at(pull.region), answer_bytes);
        sent_bytes += answer_bytes;
      }
    }
    return sent_bytes;
  }

  /// The channels of a collective take turns: round i of all of them, then the next. No round waits for a later one of another
  /// channel, so that this cannot stand still, and one thread moves everything anyway.
  std::int64_t run_collective(int rank, int iteration, const Collective& collective) {
    CollectiveRequest request = request_of(schedule_, rank, collective);
    const CollectiveAlgorithm& algorithm = collective_algorithm(collective.kind, collective.algorithm);
    std::vector<Rounds> channels;
    std::int64_t longest = 0;
    for (; request.channel < request.channels; ++request.channel) {
      channels.push_back(algorithm.rounds(request));
      longest = std::max(longest, channels.back().count);
    }
    const std::vector<int> group = schedule_.mesh.group(rank, collective.axis);
    const auto part = [&](const Slice& slice) {
      return Region{collective.region.buffer, {collective.region.slice.offset + slice.offset, slice.count}};
    };
    const auto name = [&](int from, int to, std::int64_t round, int channel) {
      return MessageName{from, to, collective.axis, collective.id, iteration, round, channel};
    };
    std::int64_t sent_bytes = 0;
    std::vector<Move> moves(channels.size());
    for (std::int64_t i = 0; i < longest; ++i) {
      for (std::size_t c = 0; c < channels.size(); ++c) {
        moves[c] = {};
        if (i >= channels[c].count) continue;
        const Round round = channels[c].at(i);
        const auto channel = static_cast<int>(c);
        if (round.send)
          moves[c].out =
              Parcel{name(rank, group.at(static_cast<std::size_t>(round.send->peer)), i, channel), part(round.send->slice)};
        if (round.recv)
          moves[c].in =
              Parcel{name(group.at(static_cast<std::size_t>(round.recv->peer)), rank, i, channel), part(round.recv->slice)};
        moves[c].how = round.on_receive;
        moves[c].in_place = is_in_place(round);
      }
      sent_bytes += move(rank, moves);
    }
    return sent_bytes;
  }

  /// A message and the region of this rank that it is read from or written to.
  struct Parcel {
    MessageName name;
    Region region;
  };

  /// A send and a receive of one channel.
  struct Move {
    std::optional<Parcel> out, in;
    OnReceive how = OnReceive::copy;
    bool in_place = false;  ///< the same region is sent and received
  };

  /// Sends and receives at the same time; returns when all messages have moved (rule 2), with the bytes that its peers have read.
  std::int64_t move(int rank, const std::vector<Move>& moves) {
    const RankMemory& memory = memories_[static_cast<std::size_t>(rank)];
    const Program& program = schedule_.program(rank);
    std::vector<std::shared_ptr<PostOffice::Letter>> sent(moves.size());
    for (std::size_t i = 0; i < moves.size(); ++i)
      if (const auto& out = moves[i].out)
        sent[i] = post_office_.offer(out->name, memory.bytes_at(out->region), region_bytes(program, out->region));
    for (std::size_t i = 0; i < moves.size(); ++i)
      if (moves[i].in) receive(rank, moves[i], sent[i].get());
    std::int64_t sent_bytes = 0;
    for (std::size_t i = 0; i < moves.size(); ++i) {
      if (!sent[i]) continue;
      post_office_.wait_until_read(moves[i].out->name, *sent[i]);
      sent_bytes += sent[i]->bytes;
    }
    return sent_bytes;
  }

  /// Puts in place what arrives. In place, a copy of it waits until the peer has read what stands there.
  void receive(int rank, const Move& move, const PostOffice::Letter* sent) {
    const Parcel& in = *move.in;
    const Program& program = schedule_.program(rank);
    const auto letter = post_office_.wait_for_offer(in.name);
    require(letter->bytes == region_bytes(program, in.region), "run_on_threads", "rank ", in.name.from, " sent ", letter->bytes,
            " bytes where ", region_bytes(program, in.region), " are expected");
    const DType dtype = program.buffers[static_cast<std::size_t>(in.region.buffer)].dtype;
    std::byte* mine = memories_[static_cast<std::size_t>(rank)].bytes_at(in.region);
    if (!move.in_place) {
      combine(move.how, dtype, mine, letter->data, in.region.slice.count);
      post_office_.done_reading(*letter);
      return;
    }
    const AlignedArray<std::byte> copy(letter->bytes);
    if (letter->bytes > 0) std::memcpy(copy.data(), letter->data, static_cast<std::size_t>(letter->bytes));
    post_office_.done_reading(*letter);
    post_office_.wait_until_read(move.out->name, *sent);
    combine(move.how, dtype, mine, copy.data(), in.region.slice.count);
  }

  const Schedule& schedule_;
  int iterations_;
  std::vector<RankMemory>& memories_;
  const ComputeFn& compute_;
  const RunOptions& options_;
  PostOffice post_office_;
  std::map<int, std::unique_ptr<Server>> servers_;        ///< by rank
  std::vector<std::unique_ptr<Progress>> progress_;       ///< of each rank
  std::vector<std::vector<std::vector<int>>> last_uses_;  ///< class, op -> buffers to poison
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
  Clock::time_point start_;
};

}  // namespace

Timeline run_on_threads(const Schedule& schedule, int iterations, std::vector<RankMemory>& memories, const ComputeFn& compute,
                        const RunOptions& options) {
  if (options.check) require_valid(schedule);
  require(iterations >= 0, "run_on_threads", "cannot run ", iterations, " iterations");
  require(memories.size() == static_cast<std::size_t>(schedule.world_size()), "run_on_threads", "got ", memories.size(),
          " memories for ", schedule.world_size(), " ranks");
  return ThreadsRun(schedule, iterations, memories, compute, options).run();
}

}  // namespace convoy
