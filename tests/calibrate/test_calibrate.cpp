#include <cmath>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "simulator/calibrate/fit.h"
#include "simulator/cost/cost.h"
#include "simulator/engine/simulate.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

std::string refusal(const std::string& text) {
  try {
    fit_times(parse_bench_log(text, "log"));
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

/// A log of nccl-tests for times of our choice, eight ranks.
template <class TimeUs>
std::string nccl_log(const TimeUs& time_us, int first = 3, int last = 27) {
  std::string text = "# nThread 1 nGpus 8 minBytes 8 maxBytes 134217728\n# Using devices\n";
  for (int rank = 0; rank < 8; ++rank) text += cat("#   Rank  ", rank, " Pid 12 on node device ", rank, " [0x1b] V100\n");
  text +=
      "node:12:34 [0] NCCL INFO Launch mode Parallel\n"
      "#       size         count    type   redop     time   algbw   busbw  error     time   algbw   busbw  error\n"
      "#        (B)    (elements)                     (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)\n";
  for (int power = first; power <= last; ++power) {
    const double bytes = std::exp2(power);
    const double us = time_us(bytes);
    const double algbw = std::round(bytes / us / 1e3 * 100) / 100;
    text += cat("  ", bytes, "  ", bytes / 4, "  float  sum  ", us, "  ", algbw, "  ", algbw * 1.75, "  1e-7  ", us, "  ", algbw,
                "  ", algbw * 1.75, "  1e-7\n");
  }
  return text + "# Out of bounds values : 0 OK\n# Avg bus bandwidth    : 1\n";
}

}  // namespace

TEST_CASE("calibrate: planted latency and bandwidth come back from a noisy log", "[calibrate]") {
  // Ring of 8: 14 hops of 2 us, 1/8 of the bytes over 20 GB/s each.
  std::uint64_t state = 7;
  const auto noise = [&] {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return 1 + 0.02 * (static_cast<double>(state >> 11U) / 9007199254740992.0 - 0.5);
  };
  const BenchLog log = parse_bench_log(nccl_log([&](double bytes) { return (28 + bytes * 14 / 8 / 20e3) * noise(); }), "log");
  REQUIRE(log.ranks == 8);
  REQUIRE(log.kind == CollectiveKind::all_reduce);
  REQUIRE(log.points.size() == 25);
  const Fit fit = fit_times(log);
  const LinkModel link = link_of(fit.ranges.back(), *log.kind, log.ranks);
  CHECK(fit.ranges.size() == 1);
  CHECK(std::abs(link.bandwidth_bytes_per_s / 20e9 - 1) < 0.02);
  CHECK(std::abs(link.latency_s / 2e-6 - 1) < 0.02);
  CHECK(fit.rms < 0.01);
}

TEST_CASE("calibrate: a change of protocol becomes two ranges", "[calibrate]") {
  const BenchLog log =
      parse_bench_log(nccl_log([](double bytes) { return bytes < 100e3 ? 12 + bytes / 2.5e3 : 40 + bytes / 10e3; }), "log");
  const Fit fit = fit_times(log);
  REQUIRE(fit.ranges.size() == 2);
  CHECK(fit.ranges[0].to_bytes == 65536);
  CHECK(std::abs(fit.ranges[0].start_s / 12e-6 - 1) < 0.01);
  CHECK(std::abs(fit.ranges[1].start_s / 40e-6 - 1) < 0.01);
  CHECK(std::abs(fit.ranges[1].s_per_byte * 10e9 - 1) < 0.01);
  CHECK(std::abs(fit.time_s(1048576) / ((40 + 104.8576) * 1e-6) - 1) < 0.01);
}

TEST_CASE("calibrate: other forms of logs", "[calibrate]") {
  const BenchLog osu = parse_bench_log(
      "# OSU MPI Allreduce Latency Test v5.7\n# Size       Avg Latency(us)   Min Latency(us)\n"
      "4                      28.87             28.29\n8      28.97  28.42\n16 29.66 28.9\n",
      "osu");
  CHECK(osu.tool == "OSU");
  CHECK(osu.kind == CollectiveKind::all_reduce);
  CHECK(osu.ranks == 0);
  CHECK(std::abs(osu.points[2].time_s / 29.66e-6 - 1) < 1e-9);
  const BenchLog tagged = parse_bench_log(
      "[1,0]<stdout>:# size count type redop root time algbw busbw #wrong\n"
      "[1,0]<stdout>: 1000000 250000 float sum -1 100.0 10.00 10.00 0\n",
      "tagged");
  REQUIRE(tagged.points.size() == 1);
  CHECK(tagged.points[0].bytes == 1e6);
  CHECK(tagged.nodes == 0);
  const BenchLog two_hosts = parse_bench_log(
      "# alltoall_perf -b 1M\n#  Rank  0 Group  0 Pid 1 on    alpha device  0 [0x07] NVIDIA A100\n"
      "#  Rank  1 Group  0 Pid 2 on    alpha device  1 [0x0f] NVIDIA A100\n#  Rank  2 Group  0 Pid 1 on     beta device  0 [0x07] A100\n"
      "#  Rank  3 Group  0 Pid 2 on     beta device  1 [0x0f] NVIDIA A100\n# size count type redop root time algbw busbw #wrong\n"
      " 1000000 250000 float none -1 100.0 10.00 7.50 0\n",
      "two hosts");
  CHECK(two_hosts.ranks == 4);
  CHECK(two_hosts.nodes == 2);
  CHECK(two_hosts.kind == CollectiveKind::all_to_all);
}

TEST_CASE("calibrate: refuses what it cannot explain, with the line", "[calibrate]") {
  CHECK(refusal("hello\n").find("line 1") != std::string::npos);
  CHECK(refusal(nccl_log([](double) { return 10.0; }, 20, 20)).find("only 1 size") != std::string::npos);
  CHECK(refusal(nccl_log([](double bytes) { return bytes == 1024 ? 900.0 : 10 + bytes / 1e4; })).find("falls by a third") !=
        std::string::npos);
  CHECK(refusal(nccl_log([](double) { return 10.0; })).find("does not grow") != std::string::npos);
  const std::string wrong_units =
      "# size count type redop time algbw busbw error\n  1000000 250000 float sum 0.1 10.00 10.00 0\n";
  CHECK(refusal(wrong_units).find("line 2, column 28") != std::string::npos);
  const std::string no_number = "# size count type redop time algbw busbw error\n  1000000 250000 float sum x 10.00 10.00 0\n";
  CHECK(refusal(no_number).find("line 2, column") != std::string::npos);
  const std::string osu = "# OSU MPI Allreduce Latency Test v5.3\n# Size       Avg Latency(us)\n1024  21\n4096  24\n16384  36\n";
  CHECK(refusal(osu + "1e308 282\n").find("line 6, column 1: a message of 1e308 bytes") != std::string::npos);
  CHECK(refusal(osu + "65536 1e200\n").find("line 6, column 7: the time is 1e200") != std::string::npos);
  CHECK(refusal(osu + "65536 1e-200\n").find("line 6, column 7: the time is 1e-200") != std::string::npos);
  const std::string twice =
      "# size count type redop time algbw busbw error\n 8 2 float sum 10 0.00 0.00 0\n 8 2 float sum 10 0.00 0.00 0\n";
  CHECK(refusal(twice).find("line 3, column 2") != std::string::npos);
}

TEST_CASE("calibrate: a cluster that simulates what was measured", "[calibrate]") {
  const BenchLog log = parse_bench_log(nccl_log([](double bytes) { return 28 + bytes * 14 / 8 / 20e3; }), "log");
  const Fit fit = fit_times(log);
  const Cluster cluster = calibrated(load_cluster("dgx-v100"), log, fit, *log.kind, 8, 1);
  const LinkModel link = cluster.link(0, 1);
  const double bytes = 1 << 26;
  CHECK(std::abs(14 * (link.latency_s + bytes / 8 / link.bandwidth_bytes_per_s) / fit.time_s(bytes) - 1) < 1e-6);
  CHECK(parse_cluster(to_yaml(cluster), "again") == cluster);
  CHECK_THROWS_AS(calibrated(load_cluster("dgx-v100"), log, fit, *log.kind, 8, 3), InputError);
}

namespace {

double simulated_ring_s(const Cluster& cluster, int ranks, double bytes, Fidelity fidelity) {
  Program program;
  const auto count = static_cast<int>(bytes / 4);
  program.buffers.push_back({"data", BufferKind::weights, DType::f32, {1, count, 1, 1}});
  program.ops.push_back({"ring", 1, {}, Collective{.algorithm = "ring", .region = {0, {0, count}}}});
  Schedule schedule;
  schedule.model = "none";
  schedule.plan = "ring";
  schedule.mesh = {{{"data", ranks}}};
  schedule.programs = {program};
  schedule.class_of.assign(static_cast<std::size_t>(ranks), 0);
  const Timeline timeline = simulate(schedule, 1, cluster, free_compute(), {.fidelity = fidelity});
  double end_s = 0;
  for (const Interval& interval : timeline.intervals) end_s = std::max(end_s, interval.end_s);
  return end_s;
}

}  // namespace

TEST_CASE("calibrate: a ring simulated on the calibrated cluster takes the times of the log, protocols and all", "[calibrate]") {
  // Three protocols of a ring of 8: short latency and little bandwidth, then more of both.
  const auto us = [](double bytes) {
    return bytes <= 16384    ? 14 * 1.5 + bytes * 14 / 8 / 2e3
           : bytes <= 524288 ? 14 * 2.5 + bytes * 14 / 8 / 8e3
                             : 14 * 9.0 + bytes * 14 / 8 / 20e3;
  };
  const BenchLog log = parse_bench_log(nccl_log(us, 8), "log");
  const Fit fit = fit_times(log);
  REQUIRE(fit.ranges.size() == 3);
  for (const int nodes : {1, 8}) {
    const Cluster made = calibrated(load_cluster("dgx-v100"), log, fit, *log.kind, 8, nodes);
    const Cluster read = parse_cluster(to_yaml(made), "calibrated.yaml");
    REQUIRE(read == made);
    const Protocols& protocols = nodes == 1 ? read.link_protocols : read.nic_protocols;
    REQUIRE(protocols.ranges.size() == 2);
    REQUIRE(protocols.calibrated_from_bytes == 256 / 8);
    REQUIRE(protocols.calibrated_to_bytes == (1 << 27) / 8);
    for (const BenchPoint& point : log.points)
      for (const Fidelity fidelity : {Fidelity::steps, Fidelity::flows, Fidelity::formula}) {
        const double time_s = simulated_ring_s(read, 8, point.bytes, fidelity);
        CAPTURE(nodes, point.bytes, time_s, point.time_s);
        REQUIRE(std::abs(time_s / point.time_s - 1) < 0.01);
      }
  }
}
