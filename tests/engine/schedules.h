/// Small schedules and clusters, written by hand, whose times are known.
#pragma once

#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "reference/core/error.h"
#include "reference/core/random.h"
#include "reference/core/units.h"
#include "reference/schedule/schedule.h"
#include "simulator/cost/cost.h"
#include "simulator/platform/cluster.h"

namespace convoy::testing {

/// One message from one rank to another, on a stream of its own at both ends: all messages begin at once.
struct Flow {
  int from;
  int to;
  std::int64_t bytes;  ///< a multiple of 4
};

inline Region add_buffer(Program& program, const std::string& name, std::int64_t count) {
  // Weights persist, so they may be read without having been written.
  program.buffers.push_back({name, BufferKind::weights, DType::f32, {1, static_cast<int>(count), 1, 1}});
  return {static_cast<int>(program.buffers.size()) - 1, {0, count}};
}

inline Schedule empty_schedule(int ranks, int classes) {
  Schedule schedule;
  schedule.model = "none";
  schedule.plan = "by hand";
  schedule.global_batch = ranks;
  schedule.mesh = {{{"data", ranks}}};
  schedule.programs.resize(static_cast<std::size_t>(classes));
  for (Program& program : schedule.programs) program.batch = 1;
  for (int r = 0; r < ranks; ++r) schedule.class_of.push_back(classes == 1 ? 0 : r);
  return schedule;
}

/// Every rank has a program of its own.
inline Schedule flows_schedule(int ranks, const std::vector<Flow>& flows) {
  Schedule schedule = empty_schedule(ranks, ranks);
  for (std::size_t i = 0; i < flows.size(); ++i) {
    const auto half = [&](int rank, int peer) {
      Program& program = schedule.programs[static_cast<std::size_t>(rank)];
      const Region region = add_buffer(program, "flow" + std::to_string(i), flows[i].bytes / 4);
      return Message{{0, peer - rank}, region, static_cast<int>(i)};
    };
    const auto add = [&](int rank, Exchange exchange) {
      Program& program = schedule.programs[static_cast<std::size_t>(rank)];
      program.ops.push_back({"flow" + std::to_string(i), program.stream_count(), {}, exchange});
    };
    add(flows[i].from, {.send = half(flows[i].from, flows[i].to), .recv = {}});
    add(flows[i].to, {.send = {}, .recv = half(flows[i].to, flows[i].from)});
  }
  return schedule;
}

/// One collective over all ranks.
inline Schedule collective_schedule(int ranks, std::int64_t count, CollectiveKind kind = CollectiveKind::all_reduce,
                                    const std::string& algorithm = "ring", int chunks = 1, int channels = 1) {
  Schedule schedule = empty_schedule(ranks, 1);
  Program& program = schedule.programs[0];
  const Region region = add_buffer(program, "data", count);
  program.ops.push_back({"collective", 1, {}, Collective{kind, algorithm, 0, 0, 0, chunks, region, {}, channels}});
  return schedule;
}

/// Two axes, a collective along each on a stream of its own: rings that run into each other.
inline Schedule crossing(int rows, int columns, std::int64_t count) {
  Schedule schedule = empty_schedule(rows * columns, 1);
  schedule.mesh = {{{"data", rows}, {"model", columns}}};
  Program& program = schedule.programs[0];
  for (int axis = 0; axis < 2; ++axis)
    program.ops.push_back({cat("along ", axis),
                           1 + axis,
                           {},
                           Collective{CollectiveKind::all_reduce, "ring", axis, axis, 0, 1,
                                      add_buffer(program, cat("data", axis), axis == 0 ? count : 3 * count)}});
  return schedule;
}

/// Beside the ring of the first collective, every third rank sends to the one four ahead.
inline Schedule ring_and_messages(int ranks, std::int64_t count) {
  Schedule schedule = empty_schedule(ranks, ranks);
  for (int r = 0; r < ranks; ++r) {
    Program& program = schedule.programs[static_cast<std::size_t>(r)];
    const Region data = add_buffer(program, "data", count);
    program.ops.push_back({"ring", 1, {}, Collective{CollectiveKind::all_reduce, "ring", 0, 0, 0, 1, data}});
    Exchange exchange;
    if (r % 3 == 0) exchange.send = Message{{0, 4}, add_buffer(program, "out", count), r};
    const int sender = (r - 4 + ranks) % ranks;
    if (sender % 3 == 0) exchange.recv = Message{{0, -4}, add_buffer(program, "in", count), sender};
    if (exchange.send || exchange.recv) program.ops.push_back({"message", 2, {}, exchange});
  }
  return schedule;
}

/// Devices for ranks: in order for seed 0, else shuffled.
inline std::vector<int> placement_of(int ranks, int devices, std::uint64_t seed) {
  std::vector<int> all(static_cast<std::size_t>(devices));
  std::iota(all.begin(), all.end(), 0);
  Random random(seed);
  for (std::size_t i = all.size(); seed > 0 && i > 1; --i)
    std::swap(all[i - 1], all[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(i)))]);
  all.resize(static_cast<std::size_t>(ranks));
  return all;
}

/// An op that computes; its time comes from times_by_name.
inline Op compute_op(const std::string& name, int stream = 0, std::vector<int> after = {}) {
  return {name, stream, std::move(after), Compute{ComputeKind::forward, 0, {}, {}}};
}

/// Every op that computes takes the time that its name is given here.
inline CostModel times_by_name(std::map<std::string, double> times) {
  CostModel cost;
  cost.compute_s = [times = std::move(times)](const Program&, const Op& op, const Compute&) { return times.at(op.name); };
  return cost;
}

inline Cluster switch_cluster(int nodes, int devices, int nics = 1) {
  Cluster cluster;
  cluster.name = "test";
  cluster.nodes = nodes;
  cluster.devices_per_node = devices;
  cluster.node_link = {2 * us, 100 * GB};
  cluster.nics_per_node = nics;
  cluster.nic = {5 * us, 10 * GB};
  return cluster;
}

/// The interval of an op in iteration 0.
inline Interval interval_of(const Timeline& timeline, int rank, int op, int iteration = 0) {
  for (const Interval& interval : timeline.intervals)
    if (interval.rank == rank && interval.op == op && interval.iteration == iteration) return interval;
  return {rank, iteration, op, -1, -1};
}

inline double end_of(const Timeline& timeline) {
  double end = 0;
  for (const Interval& interval : timeline.intervals) end = std::max(end, interval.end_s);
  return end;
}

/// |a - b| / b; NaN stays NaN, and then every comparison with a bound fails.
inline double relative_error(double a, double b) { return std::abs(a - b) / std::abs(b); }

}  // namespace convoy::testing
