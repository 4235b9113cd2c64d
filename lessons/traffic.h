/// What lessons ask about a schedule: who sends how many bytes.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "reference/core/error.h"
#include "reference/model/model.h"
#include "reference/schedule/schedule.h"

namespace convoy::lesson {

/// Bytes that pass between a rank and all others.
struct Traffic {
  std::int64_t sent = 0;
  std::int64_t received = 0;
  Traffic& operator+=(const Traffic& other) {
    sent += other.sent;
    received += other.received;
    return *this;
  }
};

/// Of one op; a compute op has none.
inline Traffic traffic_of(const Schedule& schedule, int rank, const Op& op) {
  const Program& program = schedule.program(rank);
  Traffic traffic;
  if (const auto* exchange = std::get_if<Exchange>(&op.action)) {
    if (exchange->send) traffic.sent = region_bytes(program, exchange->send->region);
    if (exchange->recv) traffic.received = region_bytes(program, exchange->recv->region);
  } else if (const auto* collective = std::get_if<Collective>(&op.action)) {
    const std::int64_t element = size_bytes(program.buffers.at(static_cast<std::size_t>(collective->region.buffer)).dtype);
    const Rounds rounds =
        collective_algorithm(collective->kind, collective->algorithm).rounds(request_of(schedule, rank, *collective));
    for (std::int64_t i = 0; i < rounds.count; ++i) {
      const Round round = rounds.at(i);
      if (round.send) traffic.sent += round.send->slice.count * element;
      if (round.recv) traffic.received += round.recv->slice.count * element;
    }
  }
  return traffic;
}

/// Of all ops of a step.
inline Traffic traffic_of(const Schedule& schedule, int rank) {
  Traffic sum;
  for (const Op& op : schedule.program(rank).ops) sum += traffic_of(schedule, rank, op);
  return sum;
}

/// Bytes that a rank sends in a step for each node of the model: of its activations and their gradients, and to sum the gradients
/// of its weights. Those must travel by themselves: make the schedule with buckets of one byte, and overlap.
inline std::vector<std::int64_t> bytes_by_node(const Model& model, const Schedule& schedule, int rank) {
  std::vector<std::int64_t> bytes(model.nodes.size(), 0);
  int last_learned = -1;  // the node of the latest weight gradients: a bucket is reduced directly after them
  for (const Op& op : schedule.program(rank).ops) {
    const auto* compute = std::get_if<Compute>(&op.action);
    if (compute != nullptr && compute->kind == ComputeKind::backward_weights) last_learned = compute->node;
    const std::int64_t sent = traffic_of(schedule, rank, op).sent;
    if (sent == 0) continue;
    const int node = op.node >= 0 ? op.node : last_learned;
    require(node >= 0, "bytes_by_node", op.name, " belongs to no node");
    bytes[static_cast<std::size_t>(node)] += sent;
  }
  return bytes;
}

}  // namespace convoy::lesson
