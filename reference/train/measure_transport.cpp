#include "reference/train/measure_transport.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "reference/core/error.h"
#include "reference/exec/exec.h"
#include "reference/train/measure_collective.h"
#include "reference/train/statistics.h"

namespace convoy {
namespace {

constexpr int kExchangesAStep = 16;

/// Two ranks that send each other a buffer, kExchangesAStep times a step.
Schedule exchange_schedule(std::int64_t count) {
  const Shape shape{1, static_cast<int>(count), 1, 1};
  Program program;
  program.buffers = {{.name = "out", .kind = BufferKind::weights, .dtype = DType::f32, .shape = shape},
                     {.name = "in", .kind = BufferKind::weights, .dtype = DType::f32, .shape = shape}};
  Schedule schedule;
  schedule.model = "none";
  schedule.plan = "exchange";
  schedule.mesh = {{{"data", 2}}};
  schedule.class_of = {0, 1};
  for (int rank = 0; rank < 2; ++rank) {  // two classes: a message id is one sender's and one receiver's
    program.ops.clear();
    for (int i = 0; i < kExchangesAStep; ++i) {
      const Peer other{.axis = 0, .offset = 1};
      program.ops.push_back({.name = "exchange",
                             .stream = kCommunicationStream,
                             .after = {},
                             .action = Exchange{.send = Message{other, {0, {0, count}}, 2 * i + rank},
                                                .recv = Message{other, {1, {0, count}}, 2 * i + 1 - rank}}});
    }
    schedule.programs.push_back(program);
  }
  return schedule;
}

/// Extra seconds a byte of adding what arrives, from the one round of a collective of two ranks that adds and of one that copies.
double measure_add_s_per_byte(const Transport& transport) {
  constexpr std::int64_t kCount = 1 << 18;  // each rank receives half of it: 512 KiB
  CollectiveRun run{.ranks = 2, .count = kCount, .warmup = 10, .repetitions = 51};
  double add_s = std::numeric_limits<double>::infinity(), copy_s = add_s;
  for (int round = 0; round < 3; ++round) {
    run.kind = CollectiveKind::reduce_scatter;
    add_s = std::min(add_s, measure_collective(run, transport).time_s);
    run.kind = CollectiveKind::all_gather;
    copy_s = std::min(copy_s, measure_collective(run, transport).time_s);
  }
  return std::max(0.0, add_s - copy_s) / (static_cast<double>(kCount) / 2 * 4);
}

}  // namespace

double fit_bandwidth_bytes_per_s(const std::vector<MessageTime>& points, double latency_s) {
  // Minimise the sum of ((latency + s_per_byte * bytes - time) / time)^2.
  double products = 0, squares = 0;
  for (const MessageTime& point : points) {
    require(point.time_s > 0, "fit_bandwidth_bytes_per_s", "a time of ", point.time_s, " s");
    const double rate = point.bytes / point.time_s;
    products += rate * (point.time_s - latency_s) / point.time_s;
    squares += rate * rate;
  }
  require(products > 0, "fit_bandwidth_bytes_per_s", "times do not grow beyond the latency of ", latency_s, " s");
  return squares / products;
}

double measure_exchange_s(std::int64_t bytes, int repetitions, const Transport& transport) {
  require(bytes >= 4 && bytes % 4 == 0, "measure_exchange_s", bytes, " bytes; messages are of floats");
  const Schedule schedule = exchange_schedule(bytes / 4);
  require(transport.world_size == 2, "measure_exchange_s", transport.world_size, " ranks");
  std::vector<RankMemory> memories(transport.ranks.size());
  constexpr int kWarmup = 3;
  const auto no_compute = [](const ComputeCall&) {};
  const Timeline timeline = transport.run(schedule, kWarmup + repetitions, memories, no_compute, {.bound_cores = 1});
  std::vector<double> ends(static_cast<std::size_t>(kWarmup + repetitions), 0);
  for (const Interval& interval : timeline.intervals) {
    double& end = ends[static_cast<std::size_t>(interval.iteration)];
    end = std::max(end, interval.end_s);
  }
  std::vector<double> times;
  for (std::size_t i = kWarmup; i < ends.size(); ++i) times.push_back((ends[i] - ends[i - 1]) / kExchangesAStep);
  return transport.from_root(median(times));
}

namespace {

/// Seconds of processor time that this process has used.
double processor_time_s() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Cores that the process of a rank keeps busy while large messages move, with one rank a process: mean over the ranks.
double measure_busy_cores(const Transport& transport) {
  const auto start = std::chrono::steady_clock::now();
  const double used_s = processor_time_s();
  measure_exchange_s(4 << 20, 60, transport);
  const double wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return transport.sum({(processor_time_s() - used_s) / wall_s}).at(0) / transport.world_size;
}

/// All of a profile, between two ranks that are the world.
TransportProfile measure_two(const Transport& transport) {
  std::vector<MessageTime> points;
  for (std::int64_t bytes = 16 << 10; bytes <= 4 << 20; bytes *= 2)
    points.push_back({static_cast<double>(bytes), std::numeric_limits<double>::infinity()});
  double latency_s = std::numeric_limits<double>::infinity();
  for (int round = 0; round < 3;
       ++round) {  // the fastest of three: a moment in which the machine did something else does not count
    latency_s = std::min(latency_s, measure_exchange_s(4, 50, transport));
    for (MessageTime& point : points)
      point.time_s = std::min(point.time_s,
                              measure_exchange_s(static_cast<std::int64_t>(point.bytes), point.bytes < 1e6 ? 20 : 8, transport));
  }
  for (const MessageTime& point : points) latency_s = std::min(latency_s, point.time_s);
  return {.name = transport.name,
          .latency_s = latency_s,
          .bandwidth_bytes_per_s = fit_bandwidth_bytes_per_s(points, latency_s),
          .add_s_per_byte = measure_add_s_per_byte(transport),
          .communication_cores = transport.communication_cores ? *transport.communication_cores : measure_busy_cores(transport)};
}

}  // namespace

TransportProfile measure_transport(const Transport& all) {
  const std::shared_ptr<const Transport> two = all.first(2);
  TransportProfile measured;
  if (two) measured = measure_two(*two);
  measured.latency_s = all.from_root(measured.latency_s);  // lets the others wait here, too
  return measured;
}

TransportProfile measure_transport() { return measure_transport(threads_transport(2)); }

}  // namespace convoy
