#include "reference/exec/mpi/run_on_mpi.h"

#include <atomic>
#include <exception>
#include <memory>
#include <set>
#include <thread>
#include <variant>

#include "reference/core/error.h"
#include "reference/exec/binding.h"
#include "reference/exec/combine.h"
#include "reference/exec/mpi/clock.h"
#include "reference/exec/mpi/library_call.h"
#include "reference/exec/mpi/messages.h"
#include "reference/exec/mpi/streams.h"
#include "reference/exec/mpi/supervisor.h"
#include "reference/exec/mpi/waiting.h"
#include "reference/exec/mpi/world_impl.h"
#include "reference/schedule/text.h"
#include "reference/schedule/validate.h"

namespace convoy {
namespace {

/// Whether somebody else than the thread that owns MPI runs an op, unless MPI is simulated.
bool is_compute(const Op& op) { return std::holds_alternative<Compute>(op.action); }

/// A compute op that has been carried out and whose simulated time goes by.
class Timed {
 public:
  explicit Timed(double time_s) : ended_(!(time_s > 0)) {
    if (!ended_) pending_.request = simulated_mpi()->timer(time_s);
  }
  /// Whether the time is over now and was not before.
  bool advance() {
    const bool before = ended_;
    ended_ = ended_ || pending_.test();
    return ended_ != before;
  }
  [[nodiscard]] bool is_done() const { return ended_; }
  void collect(std::vector<Pending*>& pending) {
    if (!ended_ && !pending_.ended) pending.push_back(&pending_);
  }

 private:
  Pending pending_;
  bool ended_;
};

class MpiRun {
 public:
  MpiRun(MpiWorld& world, const Schedule& schedule, int iterations, RankMemory& memory, const ComputeFn& compute,
         const MpiOptions& options)
      : world_(world.impl()),
        schedule_(schedule),
        program_(schedule.program(world.rank())),
        rank_(world.rank()),
        iterations_(iterations),
        memory_(memory),
        compute_(compute),
        options_(options),
        tags_(schedule, world.impl().tag_limit),
        streams_(program_, iterations),
        under_way_(static_cast<std::size_t>(streams_.count())) {
    memory.bind(program_);
    if (options.run.poison) {
      memory.poison();
      last_uses_ = last_uses(program_);
    }
    if (options.collectives == CollectivesBy::library) make_groups();
    look_every_s_ = std::min(BackOff::kLook_s, options.run.time_out_s / 4);
    has_few_cores_ = usable_core_count() < 2 * world_.local_size;
  }

  /// `zero_s`: what this rank's clock read when the run's times began.
  std::vector<Interval> run(double zero_s) {
    zero_s_ = zero_s;
    if (simulated_ != nullptr) {
      if (options_.run.on_thread_start) options_.run.on_thread_start(rank_, kComputeStream);
      run_simulated();
      return std::move(intervals_);
    }
    std::vector<Worker> workers(static_cast<std::size_t>(streams_.count()));
    for (int s = 0; s < streams_.count(); ++s)
      if (computes(s)) {
        Worker& worker = workers[static_cast<std::size_t>(s)];
        worker.thread = std::thread([this, s, &worker] { stream_main(s, worker); });
      }
    std::exception_ptr failure;
    try {
      communicate();
    } catch (...) {
      failure = std::current_exception();
      streams_.stop();
    }
    for (Worker& worker : workers)
      if (worker.thread.joinable()) worker.thread.join();
    for (const Worker& worker : workers)
      if (worker.failure) std::rethrow_exception(worker.failure);
    if (failure) std::rethrow_exception(failure);
    for (const Worker& worker : workers) intervals_.insert(intervals_.end(), worker.intervals.begin(), worker.intervals.end());
    return std::move(intervals_);
  }

 private:
  /// The thread of a stream that computes.
  struct Worker {
    std::thread thread;
    std::vector<Interval> intervals;
    std::exception_ptr failure;
  };
  /// A communication op that has started.
  struct UnderWay {
    OpRun run;
    double start_s = 0;
    double moved_s = 0;  ///< when something of it moved last
    std::variant<Channels, LibraryCall, Timed> what;
    template <class T, class... Arguments>
    UnderWay(const OpRun& a_run, double now_s, std::in_place_type_t<T> type, Arguments&&... arguments)
        : run(a_run), start_s(now_s), moved_s(now_s), what(type, std::forward<Arguments>(arguments)...) {}
  };

  [[nodiscard]] const Op& op_of(const OpRun& run) const { return program_.ops[static_cast<std::size_t>(run.op)]; }
  [[nodiscard]] double now_s() const { return steady_s() - zero_s_; }
  /// Stream 0 always has a thread, the others when one of their ops computes.
  [[nodiscard]] bool computes(int stream) const {
    if (stream == kComputeStream) return true;
    for (const int op : streams_.ops_of(stream))
      if (is_compute(program_.ops[static_cast<std::size_t>(op)])) return true;
    return false;
  }

  [[nodiscard]] std::runtime_error failure_of(const OpRun& run, const std::string& why) const {
    return std::runtime_error(
        cat("rank ", rank_, ", iteration ", run.iteration, ", op ", run.op, " (", op_of(run).name, "): ", why));
  }

  /// All ranks make the communicators of all groups, in the same order.
  void make_groups() {
    std::set<std::pair<int, int>> wanted;
    for (const Program& program : schedule_.programs)
      for (const Op& op : program.ops)
        if (const auto* collective = std::get_if<Collective>(&op.action)) wanted.insert({collective->axis, op.stream});
    for (const auto& [axis, stream] : wanted) world_.group(schedule_.mesh, axis, stream);
  }

  void prepare_thread(int stream) const {
    if (options_.run.bound_cores > 0) bind_to_cores(world_.local_rank, world_.local_size, options_.run.bound_cores);
    if (options_.run.on_thread_start) options_.run.on_thread_start(rank_, stream);
  }

  void stream_main(int stream, Worker& worker) {
    OpRun run;
    try {
      prepare_thread(stream);
      while (!streams_.at_end(stream) && !streams_.stopped()) {
        run = streams_.head(stream);
        if (is_compute(op_of(run)))
          run_compute(stream, run, worker.intervals);
        else
          streams_.wait(
              [&] { return streams_.at_end(stream) || is_compute(op_of(streams_.head(stream))) || steps_ended(stream); });
        if (stream == kComputeStream) report_steps();
      }
      if (stream == kComputeStream && !streams_.stopped()) report_steps();
    } catch (const std::exception& error) {
      worker.failure = std::make_exception_ptr(failure_of(run, error.what()));
      streams_.stop();
    }
  }

  /// Iterations that stream 0 has ended and on_step_end has not been called for.
  [[nodiscard]] bool steps_ended(int stream) const {
    return stream == kComputeStream && reported_ < (streams_.at_end(stream) ? iterations_ : streams_.head(stream).iteration);
  }
  void report_steps() {
    while (steps_ended(kComputeStream)) {
      if (options_.run.on_step_end) options_.run.on_step_end(rank_, reported_);
      ++reported_;
    }
  }

  void run_compute(int stream, const OpRun& run, std::vector<Interval>& intervals) {
    streams_.wait([&] { return streams_.is_ready(run); });
    if (streams_.stopped()) return;
    const double start_s = now_s();
    const Op& op = op_of(run);
    ++computing_;
    if (stream == kComputeStream) rank_note().computing.begin(run.iteration, run.op, op.name);
    compute_({schedule_, rank_, run.iteration, op, std::get<Compute>(op.action), memory_});
    if (stream == kComputeStream) rank_note().computing.end();
    --computing_;
    end_op(stream, run, start_s, intervals);
  }

  void end_op(int stream, const OpRun& run, double start_s, std::vector<Interval>& intervals, std::int64_t sent_bytes = 0) {
    if (options_.run.poison)
      for (const int buffer : last_uses_[static_cast<std::size_t>(run.op)]) memory_.poison(buffer);
    if (options_.run.record) intervals.push_back({rank_, run.iteration, run.op, start_s, now_s(), sent_bytes});
    streams_.advance(stream);
  }

  /// All streams of the rank, those that compute too, where MPI is simulated. Never looks at what cannot have changed.
  void run_simulated() {
    while (!streams_.all_at_end()) {
      bool moved = false;
      for (int s = 0; s < streams_.count(); ++s) moved |= advance(s);
      report_steps();
      if (moved || streams_.all_at_end()) continue;
      std::vector<Pending*> pending;
      for (const std::unique_ptr<UnderWay>& each : under_way_) {
        if (!each) continue;
        if (auto* channels = std::get_if<Channels>(&each->what)) channels->collect(pending);
        if (auto* timed = std::get_if<Timed>(&each->what)) timed->collect(pending);
      }
      if (pending.empty()) throw std::runtime_error(cat("rank ", rank_, " has nothing to wait for, and ops that have not run"));
      wait_for_any(pending);
    }
  }

  /// The thread that owns MPI: works on the communication ops of all streams until every stream is at its end.
  void communicate() {
    ask_for_short_turns();
    prepare_thread(kCommunicationStream);
    while (!streams_.all_at_end() && !streams_.stopped()) {
      bool moved = false, idle = true;
      for (int s = 0; s < streams_.count(); ++s) {
        moved |= advance(s);
        idle &= !under_way_[static_cast<std::size_t>(s)];
      }
      if (moved)
        back_off_.reset();
      else if (idle)
        wait_for_work();
      else
        wait_for_messages();
    }
  }

  /// Starts the head of a stream if it is time to, and moves it. Returns whether anything happened.
  bool advance(int stream) {
    std::unique_ptr<UnderWay>& mine = under_way_[static_cast<std::size_t>(stream)];
    if (!mine && !may_start(stream)) return false;
    const bool starts = !mine;
    const OpRun run = starts ? streams_.head(stream) : mine->run;
    bool moved = false;
    try {
      rank_note().communicating.begin(run.iteration, run.op, op_of(run).name);
      if (starts) mine = start(run, stream);
      moved = std::visit([](auto& what) { return what.advance(); }, mine->what);
      if (moved) mine->moved_s = now_s();
    } catch (const std::exception& error) {
      throw failure_of(run, mine ? cat("waiting for ", awaited(*mine), ": ", error.what()) : error.what());
    }
    if (!std::visit([](const auto& what) { return what.is_done(); }, mine->what)) return starts || moved;
    const double start_s = mine->start_s;
    const auto* channels = std::get_if<Channels>(&mine->what);
    const std::int64_t sent_bytes =
        channels != nullptr ? channels->sent_bytes() : 0;  // what MPI's own calls send, MPI alone knows
    mine.reset();
    rank_note().communicating.end();
    end_op(stream, run, start_s, intervals_, sent_bytes);
    return true;
  }

  [[nodiscard]] bool may_start(int stream) const {
    if (streams_.at_end(stream)) return false;
    const OpRun run = streams_.head(stream);
    return (simulated_ != nullptr || !is_compute(op_of(run))) && streams_.is_ready(run);
  }

  std::unique_ptr<UnderWay> start(const OpRun& run, int stream) {
    const Op& op = op_of(run);
    if (const auto* compute = std::get_if<Compute>(&op.action)) return start_compute(run, *compute);
    if (const auto* exchange = std::get_if<Exchange>(&op.action)) return start_exchange(run, *exchange);
    const auto& collective = std::get<Collective>(op.action);
    CollectiveRequest request = request_of(schedule_, rank_, collective);
    const DType dtype = dtype_of(collective.region);
    if (options_.collectives == CollectivesBy::library)
      return std::make_unique<UnderWay>(run, now_s(), std::in_place_type<LibraryCall>, request, collective.kind,
                                        LibraryOperand{.group = world_.group(schedule_.mesh, collective.axis, stream),
                                                       .dtype = dtype,
                                                       .data = memory_.bytes_at(collective.region),
                                                       .largest_count = options_.largest_count});
    auto made = std::make_unique<UnderWay>(run, now_s(), std::in_place_type<Channels>);
    for (; request.channel < request.channels; ++request.channel) {
      const Rounds rounds = collective_algorithm(collective.kind, collective.algorithm).rounds(request);
      std::get<Channels>(made->what)
          .add({.comm = world_.messages,
                .tag = tags_.of_collective(collective.axis, collective.id, request.channel),
                .dtype = dtype,
                .piece_bytes = piece_bytes(dtype)},
               rounds.count, steps_of(rounds, collective));
    }
    return made;
  }

  /// The rounds of a collective with ranks of the world and memory of this rank.
  [[nodiscard]] std::function<Step(std::int64_t)> steps_of(const Rounds& rounds, const Collective& collective) const {
    return [this, rounds, group = schedule_.mesh.group(rank_, collective.axis), region = collective.region](std::int64_t i) {
      const Round round = rounds.at(i);
      const auto half = [&](const std::optional<Transfer>& transfer) -> std::optional<Half> {
        if (!transfer) return std::nullopt;
        const Region part{region.buffer, {region.slice.offset + transfer->slice.offset, transfer->slice.count}};
        return half_of(group.at(static_cast<std::size_t>(transfer->peer)), part);
      };
      return Step{half(round.send), half(round.recv), round.on_receive, is_in_place(round)};
    };
  }

  /// Only where MPI is simulated; else threads compute.
  std::unique_ptr<UnderWay> start_compute(const OpRun& run, const Compute& compute) {
    const Op& op = op_of(run);
    const double start_s = now_s();
    compute_({schedule_, rank_, run.iteration, op, compute, memory_});
    return std::make_unique<UnderWay>(run, start_s, std::in_place_type<Timed>,
                                      simulated_->compute_s(program_, rank_, run.iteration, op, compute));
  }

  std::unique_ptr<UnderWay> start_exchange(const OpRun& run, const Exchange& exchange) const {
    const auto half = [&](const std::optional<Message>& message) -> std::optional<Half> {
      if (!message) return std::nullopt;
      return half_of(schedule_.mesh.neighbour(rank_, message->peer.axis, message->peer.offset), message->region);
    };
    const Step step{.send = half(exchange.send), .recv = half(exchange.recv)};
    const auto& any = exchange.send ? exchange.send : exchange.recv;
    auto made = std::make_unique<UnderWay>(run, now_s(), std::in_place_type<Channels>);
    if (!any) return made;
    const DType dtype = dtype_of(any->region);
    std::get<Channels>(made->what)
        .add({.comm = world_.messages,
              .tag = exchange.send ? tags_.of_message(exchange.send->id) : 0,
              .recv_tag = exchange.recv ? tags_.of_message(exchange.recv->id) : 0,
              .dtype = dtype,
              .piece_bytes = options_.largest_count / size_bytes(dtype) * size_bytes(dtype),
              .synchronous = true},
             1, [step](std::int64_t) { return step; });
    return made;
  }

  [[nodiscard]] Half half_of(int peer, const Region& region) const {
    return {peer, memory_.bytes_at(region), region_bytes(program_, region)};
  }
  [[nodiscard]] DType dtype_of(const Region& region) const {
    return program_.buffers[static_cast<std::size_t>(region.buffer)].dtype;
  }
  /// Whole elements, and no more than a count of MPI can hold.
  [[nodiscard]] std::int64_t piece_bytes(DType dtype) const {
    const std::int64_t element = size_bytes(dtype);
    if (simulated_ != nullptr) return options_.largest_count / element * element;  // adding takes no simulated time
    return std::max<std::int64_t>(1, std::min(options_.piece_bytes, options_.largest_count) / element) * element;
  }

  /// Nothing is under way: sleeps until an op ends that another one comes after. MPI gets its turn now and then, in case it still
  /// has something of ours to pass on.
  void wait_for_work() {
    int came = 0;
    require_mpi(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, world_.messages, &came, MPI_STATUS_IGNORE), "MPI_Iprobe");
    streams_.wait(
        [&] {
          if (streams_.all_at_end()) return true;
          for (int s = 0; s < streams_.count(); ++s)
            if (may_start(s)) return true;
          return false;
        },
        std::chrono::milliseconds(1));
  }

  /// "rank 1 to send".
  [[nodiscard]] static std::string awaited(const UnderWay& waiting) {
    const auto* channels = std::get_if<Channels>(&waiting.what);
    return channels != nullptr ? channels->waiting().awaited() : "the other ranks of the collective";
  }

  /// Throws when an op has waited too long, or for somebody who is gone.
  void require_hope(const UnderWay& waiting) const {
    const auto* channels = std::get_if<Channels>(&waiting.what);
    const std::string whom = awaited(waiting);
    if (now_s() - waiting.moved_s > options_.run.time_out_s)
      throw failure_of(waiting.run, cat("waited ", options_.run.time_out_s, " s for ", whom));
    const int awaited_rank = channels == nullptr ? -1 : channels->waiting().awaited_rank();
    const int dead = channels == nullptr ? world_.first_dead() : world_.has_died(awaited_rank) ? awaited_rank : -1;
    if (dead >= 0) throw failure_of(waiting.run, cat("waits for ", whom, ", but the process of rank ", dead, " has ended"));
  }

  /// Something is under way that did not move just now.
  void wait_for_messages() {
    if (back_off_.is_patient() && now_s() - looked_s_ > look_every_s_) {
      looked_s_ = now_s();
      for (const std::unique_ptr<UnderWay>& each : under_way_)
        if (each) require_hope(*each);
    }
    back_off_.pause(world_.crowded || (computing_ > 0 && has_few_cores_));
  }

  MpiWorld::Impl& world_;
  const Schedule& schedule_;
  const Program& program_;
  int rank_;
  int iterations_;
  RankMemory& memory_;
  const ComputeFn& compute_;
  const MpiOptions& options_;
  MessageTags tags_;
  Streams streams_;
  std::vector<std::unique_ptr<UnderWay>> under_way_;  ///< of each stream
  std::vector<std::vector<int>> last_uses_;           ///< op -> buffers to poison
  BackOff back_off_;
  bool has_few_cores_ = false;       ///< this host has no core for each thread of its ranks
  std::atomic<int> computing_ = 0;   ///< compute ops that are running
  std::vector<Interval> intervals_;  ///< of communication ops
  const SimulatedMpi* simulated_ = simulated_mpi();
  int reported_ = 0;                 ///< steps that on_step_end was called for; of stream 0's thread alone
  double zero_s_ = 0;
  double look_every_s_ = BackOff::kLook_s;
  double looked_s_ = 0;  ///< when it was last looked whether there is still hope
};

/// Gives the calling thread its cores back.
struct Unbind {
  ~Unbind() { unbind(); }
};

}  // namespace

std::string_view to_string(CollectivesBy by) { return by == CollectivesBy::ours ? "ours" : "library"; }

CollectivesBy parse_collectives_by(std::string_view word) {
  if (word == "ours") return CollectivesBy::ours;
  if (word == "library") return CollectivesBy::library;
  throw_unknown_word("value of --collectives", word, {"ours", "library"});
}

Timeline run_on_mpi(MpiWorld& world, const Schedule& schedule, int iterations, RankMemory& memory, const ComputeFn& compute,
                    const MpiOptions& options) {
  require(iterations >= 0, "run_on_mpi", "cannot run ", iterations, " iterations");
  require(options.piece_bytes >= 8 && options.largest_count >= 8, "run_on_mpi", "pieces of ", options.piece_bytes, " bytes, ",
          options.largest_count, " elements at once");
  require(schedule.world_size() == world.size(), "run_on_mpi", "the schedule is for ", schedule.world_size(),
          " ranks, and there are ", world.size());
  if (is_served(schedule))
    throw InputError("parameter servers run on threads only: use --transport threads, or a plan that sums gradients by collectives");
  if (options.run.check) {
    world.require_agreement("the plan", cat(to_text(schedule), iterations, to_string(options.collectives), options.piece_bytes,
                                            ' ', options.largest_count, options.run.record));
    require_valid(schedule);
  }
  if (options.collectives == CollectivesBy::library) require_library_calls(schedule);
  Timeline timeline{.clock = simulated_mpi() != nullptr ? "simulated" : "steady", .intervals = {}};
  const Unbind unbind_at_end;
  world.impl().broken = true;  // until all has moved
  MpiRun run(world, schedule, iterations, memory, compute, options);
  timeline.intervals = run.run(options.run.record ? agree_on_zero_s(world) : steady_s());
  if (options.run.record) gather_at_root(world, timeline);
  world.impl().broken = false;
  return timeline;
}

}  // namespace convoy
