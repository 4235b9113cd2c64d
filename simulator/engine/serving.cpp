// Parameter servers. Their policy is that of real ones (reference/schedule/serve_policy.h); here is what takes time: pushes and
// answers are messages like all others and share links, updates keep the rank's cores busy, one after the other.
#include <cmath>

#include "reference/core/error.h"
#include "simulator/engine/run.h"

namespace convoy {
namespace {

double checked_s(double time_s) {
  require(std::isfinite(time_s) && time_s >= 0, "simulate", "the cost model gives ", time_s, " s for what a server does");
  return time_s;
}

}  // namespace

/// The first time, everybody is waited for; later only the iteration is another one.
void Run::start_serving(std::uint32_t id, const Serve& serve) {
  Cursor& cursor = cursors_[id];
  const Agent& agent = agents_[cursor.agent];
  cursor.state = State::serving;
  if (!serves(id)) {
    Server server{.serve = &serve, .policy = ServePolicy(serve.rule, agent.rank)};
    server.pushed.assign(serve.pushes.size(), 0);
    server.answered.assign(static_cast<std::size_t>(iterations_), 0);
    const auto bytes = static_cast<double>(region_bytes(*agent.program, serve.pulls.at(0).region));
    const CostModel& cost = cost_of(agent.rank);
    server.add_s = checked_s(cost.receive_s ? cost.receive_s(OnReceive::add, bytes)
                                            : cost.compute_s(*agent.program, op_of(cursor), serve.add));
    server.update_s = checked_s(cost.compute_s(*agent.program, op_of(cursor), serve.update));
    if (serve.unpack) server.unpack_s = checked_s(cost.compute_s(*agent.program, op_of(cursor), *serve.unpack));
    servers_.emplace(id, std::move(server));
    for (std::size_t worker = 0; worker < serve.pushes.size(); ++worker) await_push(id, static_cast<int>(worker));
  }
  const Server& server = servers_.at(id);
  if (server.answered[static_cast<std::size_t>(cursor.iteration)] == static_cast<int>(serve.pushes.size()))
    cursor.state = State::op_over;
}

void Run::await_push(std::uint32_t id, int worker) {
  const Server& server = servers_.at(id);
  if (server.pushed[static_cast<std::size_t>(worker)] == iterations_) return;
  const Agent& agent = agents_[cursors_[id].agent];
  const Message& push = server.serve->pushes[static_cast<std::size_t>(worker)];
  half(id, schedule_.mesh.neighbour(agent.rank, push.peer.axis, push.peer.offset), agent.rank, message_name(push.id),
       region_bytes(*agent.program, push.region), false);
}

void Run::push_arrived(std::uint32_t id, int rank) {
  Server& server = servers_.at(id);
  for (std::size_t worker = 0; worker < server.serve->pushes.size(); ++worker)
    if (server.serve->pushes[worker].peer.offset == rank) server.arrived.push_back(static_cast<int>(worker));
  take_pushes(id);
}

/// One after the other, until one makes an update.
void Run::take_pushes(std::uint32_t id) {
  Server& server = servers_.at(id);
  const Agent& agent = agents_[cursors_[id].agent];
  while (!server.updating && !server.arrived.empty()) {
    const int worker = server.arrived.front();
    server.arrived.pop_front();
    const ServeDecision decision = server.policy.on_push(worker, server.pushed[static_cast<std::size_t>(worker)]++);
    if (decision.applied.empty()) {
      answer(id, decision.answered);
      continue;
    }
    server.updating = true;
    server.to_answer = decision.answered;
    const auto members = static_cast<double>(decision.applied.size());
    double time_s = members * server.unpack_s + (members - 1) * server.add_s + server.update_s;
    if (settings_.compute_factor) time_s *= settings_.compute_factor(agent.rank, decision.iteration, cursors_[id].ops->front());
    machine_.work(agent.rank, machine_.cluster().cores_per_rank, time_s, id);
  }
}

void Run::updated(std::uint32_t id) {
  Server& server = servers_.at(id);
  server.updating = false;
  answer(id, server.to_answer);
  take_pushes(id);
}

/// Sends weights to workers and waits for their next pushes.
void Run::answer(std::uint32_t id, const std::vector<int>& workers) {
  Server& server = servers_.at(id);
  const Agent& agent = agents_[cursors_[id].agent];
  for (const int worker : workers) {
    const Message& pull = server.serve->pulls[static_cast<std::size_t>(worker)];
    half(id, agent.rank, schedule_.mesh.neighbour(agent.rank, pull.peer.axis, pull.peer.offset), message_name(pull.id),
         region_bytes(*agent.program, pull.region), true);
    ++server.answered.at(static_cast<std::size_t>(server.pushed[static_cast<std::size_t>(worker)] - 1));
    await_push(id, worker);
  }
  Cursor& cursor = cursors_[id];
  if (cursor.state != State::serving ||
      server.answered[static_cast<std::size_t>(cursor.iteration)] < static_cast<int>(server.serve->pushes.size()))
    return;
  cursor.state = State::op_over;
  ready_.push_back(id);
}

}  // namespace convoy
