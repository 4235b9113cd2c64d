#include "reference/exec/server.h"

#include <algorithm>
#include <type_traits>

#include "reference/exec/combine.h"

namespace convoy {
namespace {

DType type_of(const Program& program, const Region& region) {
  return program.buffers[static_cast<std::size_t>(region.buffer)].dtype;
}

void multiply(std::byte* values, DType dtype, std::int64_t count, double factor) {
  with_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    T* each = reinterpret_cast<T*>(values);
    using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;
    for (std::int64_t i = 0; i < count; ++i)
      each[i] = static_cast<T>(static_cast<Wide>(each[i]) * static_cast<Wide>(factor));
  });
}

const Operand& operand(const Serve& serve, Role role) {
  const auto found = std::ranges::find(serve.update.operands, role, &Operand::role);
  require(found != serve.update.operands.end(), "Server", "its update has no ", to_string(role));
  return *found;
}

/// Puts the gradients of a compressed push in the worker's place. `call` is that of the first worker.
void unpack(const Serve& serve, int worker, const ComputeCall& call, const ComputeFn& compute) {
  Compute mine = call.compute;
  for (Operand& each : mine.operands)
    each.region = (each.role == Role::payload ? serve.pushes : serve.pulls).at(static_cast<std::size_t>(worker)).region;
  compute({call.schedule, call.rank, call.iteration, call.op, mine, call.memory});
}

}  // namespace

void make_update(const Schedule& schedule, int rank, const Op& op, const std::vector<int>& workers, int iteration,
                 RankMemory& memory, const ComputeFn& compute) {
  const auto& serve = std::get<Serve>(op.action);
  const Program& program = schedule.program(rank);
  const auto place = [&](int worker) { return serve.pulls.at(static_cast<std::size_t>(worker)).region; };
  const Region sum = place(workers.at(0));
  const DType dtype = type_of(program, sum);
  std::int64_t images = 0;
  for (const int worker : workers) {
    if (serve.unpack) unpack(serve, worker, {schedule, rank, iteration, op, *serve.unpack, memory}, compute);
    images += schedule.samples(schedule.mesh.neighbour(rank, serve.pushes[static_cast<std::size_t>(worker)].peer.axis,
                                                       serve.pushes[static_cast<std::size_t>(worker)].peer.offset))
                  .count;
    if (worker != workers.front())
      combine(OnReceive::add, dtype, memory.bytes_at(sum), memory.bytes_at(place(worker)), sum.slice.count);
  }
  double share = static_cast<double>(images) / schedule.global_batch;
  if (serve_mode(serve.rule.mode).whole_batch) {
    if (images > 0 && images != schedule.global_batch) multiply(memory.bytes_at(sum), dtype, sum.slice.count, 1 / share);
    share = 1;
  }
  Compute update = serve.update;
  for (Operand& each : update.operands)
    if (each.role == Role::gradients) each.region = sum;
  compute({schedule, rank, iteration, op, update, memory, share});
}

void write_answer(const Serve& serve, int worker, const Program& program, RankMemory& memory) {
  const Region weights = operand(serve, Role::weights).region;
  const Region place = serve.pulls.at(static_cast<std::size_t>(worker)).region;
  combine(OnReceive::copy, type_of(program, weights), memory.bytes_at(place), memory.bytes_at(weights), weights.slice.count);
}

Server::Server(const Schedule& schedule, int rank, const Op& op, int iterations, RankMemory& memory, const ComputeFn& compute)
    : schedule_(schedule),
      rank_(rank),
      op_(op),
      serve_(std::get<Serve>(op.action)),
      memory_(memory),
      compute_(compute),
      policy_(serve_.rule, rank),
      pushed_(serve_.pushes.size(), 0),
      answered_(static_cast<std::size_t>(iterations), 0) {}

ServeDecision Server::take(int worker) {
  const int iteration = pushed_[static_cast<std::size_t>(worker)]++;
  ServeDecision decision = policy_.on_push(worker, iteration);
  if (!decision.applied.empty()) make_update(schedule_, rank_, op_, decision.applied, decision.iteration, memory_, compute_);
  for (const int one : decision.answered) {
    write_answer(serve_, one, schedule_.program(rank_), memory_);
    ++answered_.at(static_cast<std::size_t>(pushed_[static_cast<std::size_t>(one)] - 1));
  }
  return decision;
}

bool Server::is_over(int iteration) const {
  return answered_.at(static_cast<std::size_t>(iteration)) == static_cast<int>(serve_.pushes.size());
}

}  // namespace convoy
