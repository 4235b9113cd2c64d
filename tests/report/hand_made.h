/// A schedule and a timeline small enough to work out by hand.
#pragma once

#include "reference/schedule/timeline.h"

namespace convoy::hand_made {

inline Compute compute(ComputeKind kind) {
  return {.kind = kind, .node = kind == ComputeKind::update ? -1 : 0, .operands = {}, .work = {}};
}

/// Two ranks that both run: forward, backward, all-reduce (second stream, after backward), a second backward, update.
inline Schedule schedule() {
  Program program;
  program.batch = 8;
  program.buffers = {{"weights", BufferKind::weights, DType::f32, {1, 100, 1, 1}},
                     {"gradients", BufferKind::gradients, DType::f32, {1, 100, 1, 1}}};
  program.ops = {{"conv1.forward", kComputeStream, {}, compute(ComputeKind::forward)},
                 {"conv2.backward_weights", kComputeStream, {}, compute(ComputeKind::backward_weights)},
                 {"bucket0.all_reduce",
                  kCommunicationStream,
                  {1},
                  Collective{.kind = CollectiveKind::all_reduce,
                             .algorithm = "ring",
                             .axis = 0,
                             .id = 0,
                             .root = 0,
                             .chunks = 1,
                             .region = {1, {0, 100}}}},
                 {"conv1.backward_weights", kComputeStream, {}, compute(ComputeKind::backward_weights)},
                 {"bucket0.update", kComputeStream, {2}, compute(ComputeKind::update)}};
  Schedule schedule;
  schedule.model = "tiny";
  schedule.plan = "data";
  schedule.global_batch = 16;
  schedule.mesh = {{{"data", 2}}};
  schedule.programs = {program};
  schedule.class_of = {0, 0};
  return schedule;
}

/// Rank 0: forward 0-2 s, backward 2-4, all-reduce 4-9, backward 4-6, update 9-10. Rank 1: the same but its last backward ends
/// at 7. Compute: 2+2+2+1 = 7 and 8, exposed: 9-6 = 3 and 9-7 = 2, hidden: 2 and 3, nobody is idle. A step takes 10 s.
inline Timeline timeline() {
  Timeline timeline{"simulated", {}};
  for (int rank = 0; rank < 2; ++rank) {
    const double backward_end_s = rank == 0 ? 6 : 7;
    timeline.intervals.push_back({rank, 0, 0, 0, 2});
    timeline.intervals.push_back({rank, 0, 1, 2, 4});
    timeline.intervals.push_back({rank, 0, 2, 4, 9});
    timeline.intervals.push_back({rank, 0, 3, 4, backward_end_s});
    timeline.intervals.push_back({rank, 0, 4, 9, 10});
  }
  return timeline;
}

}  // namespace convoy::hand_made
