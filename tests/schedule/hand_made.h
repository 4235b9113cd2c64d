/// Small schedules written by hand, for tests.
#pragma once

#include "reference/schedule/schedule.h"

namespace convoy::tests {

/// `ranks` ranks on one axis, all running one program with a buffer "a" of `count` elements (weights: it persists) and one "b"
/// (workspace).
inline Schedule empty_schedule(int ranks, int count = 8) {
  Schedule schedule;
  schedule.model = "none";
  schedule.plan = "by-hand";
  schedule.global_batch = ranks;
  schedule.mesh = {{{"data", ranks}}};
  schedule.programs = {{.batch = 1,
                        .buffers = {{"a", BufferKind::weights, DType::f32, {1, count, 1, 1}},
                                    {"b", BufferKind::workspace, DType::f32, {1, count, 1, 1}}},
                        .ops = {}}};
  schedule.class_of.assign(static_cast<std::size_t>(ranks), 0);
  return schedule;
}

inline Region all_of(const Program& program, int buffer) {
  return {buffer, {0, program.buffers[static_cast<std::size_t>(buffer)].shape.count()}};
}

inline Op compute_op(std::string name, std::vector<Operand> operands, std::vector<int> after = {}, int stream = kComputeStream) {
  return {std::move(name), stream, std::move(after), Compute{ComputeKind::forward, 0, std::move(operands), {1, 1, 1}}};
}

inline Op exchange_op(std::string name, std::optional<Message> send, std::optional<Message> recv, int stream,
                      std::vector<int> after = {}) {
  return {std::move(name), stream, std::move(after), Exchange{std::move(send), std::move(recv)}};
}

inline Op all_reduce_op(const Region& region, int id = 0, std::vector<int> after = {}, int stream = kCommunicationStream) {
  return {"all_reduce", stream, std::move(after),
          Collective{.kind = CollectiveKind::all_reduce,
                     .algorithm = "ring",
                     .axis = 0,
                     .id = id,
                     .root = 0,
                     .chunks = 1,
                     .region = region}};
}

/// Gives rank `rank` a program of its own, a copy of the first.
inline Program& own_program(Schedule& schedule, int rank) {
  schedule.programs.push_back(schedule.programs.front());
  schedule.class_of[static_cast<std::size_t>(rank)] = static_cast<int>(schedule.programs.size()) - 1;
  return schedule.programs.back();
}

}  // namespace convoy::tests
