#include "reference/train/measure_collective.h"

#include <algorithm>

#include "reference/core/error.h"
#include "reference/exec/exec.h"
#include "reference/train/statistics.h"

namespace convoy {
namespace {

constexpr int kLargest = 97;  ///< values are 0 to 96, so sums of 170,000 ranks are exact in a float

/// What rank holds at index before the collective; another value at each of them.
float value_at(std::int64_t rank, std::int64_t index) {
  return static_cast<float>((index * 31 + rank * 17 + index / 97) % kLargest);
}

/// The part of the buffer that the collective defines at a rank.
Slice defined_part(const CollectiveRun& run, int rank) {
  if (run.kind == CollectiveKind::reduce && rank != run.root) return {0, 0};
  return run.kind == CollectiveKind::reduce_scatter ? shard(run.count, run.ranks, rank) : Slice{0, run.count};
}

float expected_at(const CollectiveRun& run, int at_rank, std::int64_t index) {
  if (run.kind == CollectiveKind::all_to_all) {
    const std::int64_t size = run.count / run.ranks;
    return value_at(index / size, at_rank * size + index % size);
  }
  if (run.kind == CollectiveKind::broadcast) return value_at(run.root, index);
  if (run.kind == CollectiveKind::all_gather) {
    int owner = 0;
    while (shard(run.count, run.ranks, owner).end() <= index) ++owner;
    return value_at(owner, index);
  }
  float sum = 0;
  for (int rank = 0; rank < run.ranks; ++rank) sum += value_at(rank, index);
  return sum;
}

std::span<float> data_of(const RankMemory& memory, std::int64_t count) {
  return memory.persistent<float>("data").first(static_cast<std::size_t>(count));
}

void no_compute(const ComputeCall& call) { require(false, "measure_collective", "unexpected compute op '", call.op.name, "'"); }

std::int64_t count_wrong(const CollectiveRun& run, const Schedule& schedule, const Transport& transport,
                         std::vector<RankMemory>& memories) {
  for (std::size_t r = 0; r < memories.size(); ++r) {
    memories[r].bind(schedule.program(transport.ranks[r]));
    const std::span<float> data = data_of(memories[r], run.count);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = value_at(transport.ranks[r], static_cast<std::int64_t>(i));
  }
  transport.run(schedule, 1, memories, no_compute, {.bound_cores = 1});
  std::int64_t wrong = 0;
  std::vector<float> expected(static_cast<std::size_t>(run.count));
  for (std::size_t r = 0; r < memories.size(); ++r) {
    if (r == 0 || run.kind == CollectiveKind::all_to_all)  // else all ranks expect the same
      for (std::size_t i = 0; i < expected.size(); ++i)
        expected[i] = expected_at(run, transport.ranks[r], static_cast<std::int64_t>(i));
    const std::span<const float> data = data_of(memories[r], run.count);
    const Slice part = defined_part(run, transport.ranks[r]);
    for (auto i = static_cast<std::size_t>(part.offset); i < static_cast<std::size_t>(part.end()); ++i)
      wrong += data[i] == expected[i] ? 0 : 1;  // a NaN is wrong
  }
  return static_cast<std::int64_t>(transport.sum({static_cast<double>(wrong)}).at(0));
}

}  // namespace

Schedule collective_schedule(const CollectiveRun& run) {
  require(run.ranks >= 1 && run.count >= 1 && run.chunks >= 1, "collective_schedule", run.ranks, " ranks, ", run.count,
          " elements, ", run.chunks, " chunks");
  require(run.count <= INT32_MAX, "collective_schedule", run.count, " elements");
  Program program;
  program.buffers = {
      {.name = "data", .kind = BufferKind::weights, .dtype = DType::f32, .shape = {1, static_cast<int>(run.count), 1, 1}}};
  program.ops = {{.name = std::string(to_string(run.kind)),
                  .stream = kCommunicationStream,
                  .after = {},
                  .action = Collective{.kind = run.kind,
                                       .algorithm = run.algorithm,
                                       .axis = 0,
                                       .id = 0,
                                       .root = run.root,
                                       .chunks = run.chunks,
                                       .region = {0, {0, run.count}},
                                       .channels = run.channels,
                                       .ranks_per_node = run.ranks_per_node}}};
  Schedule schedule;
  schedule.model = "none";
  schedule.plan = "collective";
  schedule.mesh = {{{"data", run.ranks}}};
  schedule.programs = {program};
  schedule.class_of.assign(static_cast<std::size_t>(run.ranks), 0);
  return schedule;
}

CollectiveMeasurement measure_collective(const CollectiveRun& run, const Transport& transport) {
  require(run.repetitions >= 1 && run.warmup >= 0, "measure_collective", run.repetitions, " repetitions, ", run.warmup,
          " to warm up");
  const Schedule schedule = collective_schedule(run);
  require(run.ranks == transport.world_size, "measure_collective", run.ranks, " ranks, and there are ", transport.world_size);
  std::vector<RankMemory> memories(transport.ranks.size());
  CollectiveMeasurement result;
  result.wrong = count_wrong(run, schedule, transport, memories);

  for (RankMemory& memory : memories)
    std::ranges::fill(data_of(memory, run.count), 0.0F);  // sums of sums would grow beyond bounds
  const Timeline timeline = transport.run(schedule, run.warmup + run.repetitions, memories, no_compute, {.bound_cores = 1});
  std::vector<double> ends(static_cast<std::size_t>(run.warmup + run.repetitions), 0), starts = ends;
  for (const Interval& interval : timeline.intervals) {
    double& end = ends[static_cast<std::size_t>(interval.iteration)];
    end = std::max(end, interval.end_s);
    if (interval.iteration == 0) starts[0] = std::max(starts[0], interval.start_s);
  }
  std::vector<double> times;
  for (std::size_t i = static_cast<std::size_t>(run.warmup); i < ends.size(); ++i)
    times.push_back(ends[i] - (i == 0 ? starts[0] : ends[i - 1]));
  result.time_s = transport.from_root(median(times));
  result.spread_s = transport.from_root(quartile_range(times));
  return result;
}

CollectiveMeasurement measure_collective(const CollectiveRun& run) {
  return measure_collective(run, threads_transport(run.ranks));
}

}  // namespace convoy
