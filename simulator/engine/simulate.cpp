#include "simulator/engine/simulate.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <type_traits>

#include "reference/core/error.h"
#include "reference/schedule/validate.h"
#include "simulator/engine/in_child.h"
#include "simulator/engine/machine.h"
#include "simulator/engine/transport.h"

namespace convoy {
namespace {

/// An `after` from an op on one stream to an op on another: a semaphore that holds one token for every iteration in which the
/// first op has ended and the second has not begun. Both streams go through the iterations in order, so tokens need no names.
struct Edge {
  int from;
  int to;
  sg::s4u::SemaphorePtr tokens;
};

/// Runs all streams of all ranks as SimGrid actors and notes when every op began and ended.
class Simulation {
 public:
  Simulation(const Schedule& schedule, int iterations, const Cluster& cluster, const CostModel& cost)
      : schedule_(schedule),
        iterations_(iterations),
        cost_(cost),
        machine_(cluster, schedule.world_size()),
        transport_(machine_) {
    for (const Program& program : schedule.programs) compute_s_.push_back(compute_times(program));
    for (int rank = 0; rank < schedule.world_size(); ++rank) add_rank(rank);
  }

  Timeline run() {
    machine_.engine().run();
    if (failure_) std::rethrow_exception(failure_);
    for (const Interval& interval : intervals_)
      if (!(interval.end_s >= interval.start_s))
        throw std::runtime_error(cat("the simulation stopped before op ", interval.op, " of rank ", interval.rank));
    return {"simulated", std::move(intervals_)};
  }

 private:
  /// Asked for once per program and not in the middle of the simulation, so that an error is an ordinary exception.
  std::vector<double> compute_times(const Program& program) const {
    std::vector<double> times(program.ops.size(), 0);
    for (std::size_t i = 0; i < program.ops.size(); ++i) {
      const auto* compute = std::get_if<Compute>(&program.ops[i].action);
      if (compute == nullptr) continue;
      times[i] = cost_.compute_s(program, program.ops[i], *compute);
      check_time(times[i], program.ops[i].name);
    }
    return times;
  }

  static void check_time(double time_s, const std::string& what) {
    require(std::isfinite(time_s) && time_s >= 0, "simulate", "the cost model gives ", time_s, " s for ", what);
  }

  void add_rank(int rank) {
    const Program& program = schedule_.program(rank);
    first_interval_.push_back(intervals_.size());
    for (int iteration = 0; iteration < iterations_; ++iteration)
      for (std::size_t op = 0; op < program.ops.size(); ++op)
        intervals_.push_back({rank, iteration, static_cast<int>(op), NAN, NAN});
    edges_.emplace_back();
    for (std::size_t op = 0; op < program.ops.size(); ++op)
      for (const int earlier : program.ops[op].after)
        if (program.ops[static_cast<std::size_t>(earlier)].stream != program.ops[op].stream)
          edges_.back().push_back({earlier, static_cast<int>(op), sg::s4u::Semaphore::create(0)});
    for (int stream = 0; stream < program.stream_count(); ++stream)
      if (std::any_of(program.ops.begin(), program.ops.end(), [=](const Op& op) { return op.stream == stream; }))
        sg::add_actor(machine_.engine(), cat("rank", rank, ".", stream), machine_.host(rank),
                      [this, rank, stream] { run_stream(rank, stream); });
  }

  /// The body of an actor.
  void run_stream(int rank, int stream) {
    try {
      const Program& program = schedule_.program(rank);
      std::vector<int> ops;
      for (std::size_t op = 0; op < program.ops.size(); ++op)
        if (program.ops[op].stream == stream) ops.push_back(static_cast<int>(op));
      for (int iteration = 0; iteration < iterations_; ++iteration)
        for (const int op : ops) run_op(rank, iteration, op);
    } catch (const std::exception&) {  // not (...): SimGrid ends actors by an exception of its own
      if (!failure_) failure_ = std::current_exception();
      sg::s4u::Actor::kill_all();
    }
  }

  void run_op(int rank, int iteration, int id) {
    const auto& edges = edges_[static_cast<std::size_t>(rank)];
    for (const Edge& edge : edges)
      if (edge.to == id) edge.tokens->acquire();
    const Program& program = schedule_.program(rank);
    const Op& op = program.ops[static_cast<std::size_t>(id)];
    Interval& interval = intervals_[first_interval_[static_cast<std::size_t>(rank)] +
                                    static_cast<std::size_t>(iteration) * program.ops.size() + static_cast<std::size_t>(id)];
    interval.start_s = sg::s4u::Engine::get_clock();
    if (std::holds_alternative<Compute>(op.action))
      compute(rank, id);
    else if (const auto* exchange = std::get_if<Exchange>(&op.action))
      run_exchange(rank, *exchange);
    else
      run_collective(rank, std::get<Collective>(op.action));
    interval.end_s = sg::s4u::Engine::get_clock();
    for (const Edge& edge : edges)
      if (edge.from == id) edge.tokens->release();
  }

  void compute(int rank, int id) {
    const auto program = static_cast<std::size_t>(schedule_.class_of[static_cast<std::size_t>(rank)]);
    machine_.work(rank, machine_.cluster().cores_per_rank, compute_s_[program][static_cast<std::size_t>(id)]);
  }

  void run_exchange(int rank, const Exchange& exchange) {
    const auto half = [&](const std::optional<Message>& message) -> std::optional<Half> {
      if (!message) return {};
      return Half{.peer = schedule_.mesh.neighbour(rank, message->peer.axis, message->peer.offset),
                  .tag = {.id = message->id},
                  .bytes = region_bytes(schedule_.program(rank), message->region)};
    };
    transport_.move(rank, half(exchange.send), half(exchange.recv));
  }

  void run_collective(int rank, const Collective& collective) {
    const Rounds rounds =
        collective_algorithm(collective.kind, collective.algorithm).rounds(request_of(schedule_, rank, collective));
    const std::vector<int> group = schedule_.mesh.group(rank, collective.axis);
    const Buffer& buffer = schedule_.program(rank).buffers[static_cast<std::size_t>(collective.region.buffer)];
    const auto half = [&](const std::optional<Transfer>& transfer) -> std::optional<Half> {
      if (!transfer) return {};
      return Half{.peer = group[static_cast<std::size_t>(transfer->peer)],
                  .tag = {.collective = true, .id = collective.id, .axis = collective.axis},
                  .bytes = transfer->slice.count * size_bytes(buffer.dtype)};
    };
    for (std::int64_t i = 0; i < rounds.count; ++i) {
      const Round round = rounds.at(i);
      const std::optional<Half> recv = half(round.recv);
      transport_.move(rank, half(round.send), recv);
      if (recv && cost_.receive_s) put_in_place(rank, round.on_receive, recv->bytes);
    }
  }

  /// Adds or copies what arrived in a round.
  void put_in_place(int rank, OnReceive on_receive, std::int64_t bytes) {
    const double time_s = cost_.receive_s(on_receive, static_cast<double>(bytes));
    check_time(time_s, "what a collective received");
    machine_.work(rank, machine_.cluster().communication_cores, time_s);
  }

  const Schedule& schedule_;
  int iterations_;
  const CostModel& cost_;
  SimulatedMachine machine_;
  Transport transport_;
  std::vector<std::vector<double>> compute_s_;  ///< by program and op
  std::vector<std::vector<Edge>> edges_;        ///< by rank
  std::vector<Interval> intervals_;             ///< by rank, iteration and op
  std::vector<std::size_t> first_interval_;     ///< of each rank
  std::exception_ptr failure_;
};

static_assert(std::is_trivially_copyable_v<Interval>);

std::string to_bytes(const std::vector<Interval>& intervals) {
  std::string bytes(intervals.size() * sizeof(Interval), '\0');
  if (!intervals.empty()) std::memcpy(bytes.data(), intervals.data(), bytes.size());
  return bytes;
}

std::vector<Interval> to_intervals(const std::string& bytes) {
  std::vector<Interval> intervals(bytes.size() / sizeof(Interval));
  if (!intervals.empty()) std::memcpy(intervals.data(), bytes.data(), bytes.size());
  return intervals;
}

void check_request(const Schedule& schedule, int iterations, const Cluster& cluster, const CostModel& cost) {
  require(iterations > 0, "simulate", "iterations is ", iterations, ", must be positive");
  require(static_cast<bool>(cost.compute_s), "simulate", "the cost model has no compute_s");
  require_valid(schedule);
  require_ranks(cluster, schedule.world_size());
}

}  // namespace

Timeline simulate_in_this_process(const Schedule& schedule, int iterations, const Cluster& cluster, const CostModel& cost) {
  static bool used = false;
  check_request(schedule, iterations, cluster, cost);
  require(!used, "simulate_in_this_process", "this process has already simulated; use simulate()");
  used = true;
  return Simulation(schedule, iterations, cluster, cost).run();
}

Timeline simulate(const Schedule& schedule, int iterations, const Cluster& cluster, const CostModel& cost) {
  check_request(schedule, iterations, cluster, cost);
  const std::string bytes = in_child([&] { return to_bytes(Simulation(schedule, iterations, cluster, cost).run().intervals); });
  return {"simulated", to_intervals(bytes)};
}

}  // namespace convoy
