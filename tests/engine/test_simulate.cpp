// simulate() as a function: the same every time, any number of times, and with errors that arrive.
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "reference/core/error.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "simulator/engine/in_child.h"
#include "simulator/engine/simulate.h"
#include "tests/catch.h"
#include "tests/engine/schedules.h"

using namespace convoy;
using namespace convoy::testing;

namespace {

Schedule data_schedule(const char* model, int ranks, int batch_per_rank) {
  return make_schedule(make_model(model), make_plan("data", {.ranks = ranks, .global_batch = ranks * batch_per_rank}));
}

/// The message of the error of type E that f throws; "" when it throws none.
template <class E, class F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

bool same_bits(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

bool same_bits(const Timeline& a, const Timeline& b) {
  bool same = a.intervals.size() == b.intervals.size() && !a.intervals.empty();
  for (std::size_t i = 0; same && i < a.intervals.size(); ++i) {
    const Interval& x = a.intervals[i];
    const Interval& y = b.intervals[i];
    same = x.rank == y.rank && x.iteration == y.iteration && x.op == y.op && same_bits(x.start_s, y.start_s) &&
           same_bits(x.end_s, y.end_s);
  }
  return same;
}

}  // namespace

TEST_CASE("a simulation gives the same bits every time, with contention too") {
  const Schedule schedule = data_schedule("vgg16", 16, 8);
  Cluster cluster = switch_cluster(8, 2);
  cluster.device = load_cluster("dgx-v100").device;
  const CostModel cost = roofline(cluster.device, "fp32");
  const Timeline first = simulate(schedule, 2, cluster, cost);
  for (int again = 0; again < 3; ++again) REQUIRE(same_bits(first, simulate(schedule, 2, cluster, cost)));
}

TEST_CASE("a process can simulate many times, whatever the machines") {
  for (int i = 1; i <= 100; ++i) {
    const Timeline timeline = simulate(flows_schedule(2, {{0, 1, 1000 * i}}), 1, switch_cluster(2, 1 + i % 3), free_compute());
    const double bandwidth = i % 3 == 0 ? 10 * GB : 100 * GB;  // alone on its node, or beside rank 1
    const double latency_s = i % 3 == 0 ? 5 * us : 2 * us;
    REQUIRE(relative_error(end_of(timeline), latency_s + 1000 * i / bandwidth) <= 1e-9);
  }
}

TEST_CASE("timelines with contention obey the rules of timelines") {
  const Schedule schedule = data_schedule("lenet5", 8, 4);
  Cluster cluster = load_cluster("two-core-machine");
  cluster.devices_per_node = 8;
  CostModel cost = roofline(cluster.device, "fp32");
  const int iterations = 4;
  for (const int cores : {1, 2, 3}) {
    cluster.cores_per_node = cores;
    const Timeline timeline = simulate(schedule, iterations, cluster, cost);
    REQUIRE(timeline.intervals.size() == 8 * iterations * schedule.programs.at(0).ops.size());
    REQUIRE(check_timeline(schedule, iterations, timeline).empty());
  }
}

TEST_CASE("contention only ever adds time") {
  const Schedule schedule = data_schedule("lenet5", 8, 4);
  Cluster cluster = load_cluster("two-core-machine");
  cluster.devices_per_node = 8;
  const CostModel cost = roofline(cluster.device, "fp32");
  const auto link = [&](int from, int to) { return cluster.link(from, to); };
  const double ideal_s = end_of(ideal(schedule, 3, cost, link));
  double before_s = HUGE_VAL;
  for (const int cores : {1, 2, 4, 16}) {
    cluster.cores_per_node = cores;
    const double time_s = end_of(simulate(schedule, 3, cluster, cost));
    REQUIRE(time_s >= ideal_s * (1 - 1e-9));
    REQUIRE(time_s <= before_s);
    before_s = time_s;
  }
  REQUIRE(relative_error(before_s, ideal_s) <= 1e-9);
}

TEST_CASE("iterations follow each other without a barrier") {
  // Rank 0 computes 1 ms and rank 1 for 3 ms; nothing ties them together, so rank 0 is done after 5 ms and not after 13.
  Schedule schedule = empty_schedule(2, 2);
  schedule.programs[0].ops.push_back(compute_op("short"));
  schedule.programs[1].ops.push_back(compute_op("long"));
  const Timeline timeline = simulate(schedule, 5, switch_cluster(2, 1), times_by_name({{"short", 1 * ms}, {"long", 3 * ms}}));
  REQUIRE(relative_error(interval_of(timeline, 0, 0, 4).end_s, 5 * ms) <= 1e-9);
  REQUIRE(relative_error(interval_of(timeline, 1, 0, 4).end_s, 15 * ms) <= 1e-9);
}

TEST_CASE("an op waits for what it comes after on other streams, iteration by iteration") {
  Schedule schedule = empty_schedule(1, 1);
  schedule.programs[0].ops = {compute_op("a", 0), compute_op("b", 1, {0}), compute_op("c", 0), compute_op("d", 2, {1, 2, 0})};
  const Timeline timeline =
      simulate(schedule, 2, switch_cluster(1, 1), times_by_name({{"a", 1 * ms}, {"b", 5 * ms}, {"c", 2 * ms}, {"d", 1 * ms}}));
  REQUIRE(std::abs(interval_of(timeline, 0, 1).start_s - 1 * ms) <= 1e-12);
  REQUIRE(std::abs(interval_of(timeline, 0, 3).start_s - 6 * ms) <= 1e-12);
  REQUIRE(std::abs(interval_of(timeline, 0, 0, 1).start_s - 3 * ms) <= 1e-12);  // does not wait for b or d of iteration 0
  REQUIRE(std::abs(interval_of(timeline, 0, 1, 1).start_s - 6 * ms) <= 1e-12);
  REQUIRE(std::abs(interval_of(timeline, 0, 3, 1).start_s - 11 * ms) <= 1e-12);
}

TEST_CASE("errors arrive as what they are") {
  const Schedule schedule = data_schedule("lenet5", 2, 4);
  const Cluster cluster = switch_cluster(2, 1);
  const auto throwing = [](const auto& error) {
    CostModel cost;
    cost.compute_s = [error](const Program&, const Op&, const Compute&) -> double { throw error; };
    return cost;
  };
  REQUIRE(message_of<InputError>([&] { simulate(schedule, 1, cluster, throwing(InputError("no time for conv1"))); }) ==
          "no time for conv1");
  REQUIRE(message_of<LimitError>([&] { simulate(schedule, 1, cluster, throwing(LimitError("too large"))); }) == "too large");
  REQUIRE(message_of<std::invalid_argument>([&] { simulate(schedule, 1, cluster, throwing(std::invalid_argument("bug"))); }) ==
          "bug");
  REQUIRE(message_of<std::runtime_error>([&] { simulate(schedule, 1, cluster, throwing(std::runtime_error("other"))); }) ==
          "other");
  CostModel cost = free_compute();
  cost.receive_s = [](OnReceive, double) -> double { throw InputError("in the middle of the simulation"); };
  REQUIRE(message_of<InputError>([&] { simulate(schedule, 1, cluster, cost); }) == "in the middle of the simulation");
  cost = free_compute();
  cost.compute_s = [](const Program&, const Op&, const Compute&) { return NAN; };
  REQUIRE(contains(message_of<std::invalid_argument>([&] { simulate(schedule, 1, cluster, cost); }), "gives nan s"));
}

TEST_CASE("what cannot be simulated is refused") {
  const Cluster cluster = switch_cluster(2, 2);
  const Schedule schedule = collective_schedule(5, 100);
  REQUIRE(
      contains(message_of<InputError>([&] { simulate(schedule, 1, cluster, free_compute()); }), "has 4 devices (2 nodes of 2)"));
  REQUIRE_THROWS_AS(simulate(collective_schedule(2, 100), 0, cluster, free_compute()), std::invalid_argument);
  REQUIRE_THROWS_AS(simulate(collective_schedule(2, 100), 1, cluster, CostModel{}), std::invalid_argument);
  Schedule half = flows_schedule(2, {{0, 1, 100}});
  half.programs[1].ops.clear();
  REQUIRE(contains(message_of<std::invalid_argument>([&] { simulate(half, 1, cluster, free_compute()); }), "never receives"));
  Cluster without_nic = cluster;
  without_nic.nic = {0, 0};
  REQUIRE(contains(message_of<InputError>([&] { simulate(collective_schedule(4, 100), 1, without_nic, free_compute()); }),
                   "node.nic"));
}

TEST_CASE("a process simulates in itself once, with the same result") {
  const Schedule schedule = flows_schedule(2, {{0, 1, 1000}});
  const Cluster cluster = switch_cluster(2, 1);
  const std::string answer = in_child([&] {  // or this process could never simulate again
    const double end_s = end_of(simulate_in_this_process(schedule, 1, cluster, free_compute()));
    const std::string refusal =
        message_of<std::invalid_argument>([&] { simulate_in_this_process(schedule, 1, cluster, free_compute()); });
    return cat(end_s, " ", refusal);
  });
  REQUIRE(contains(answer, cat(end_of(simulate(schedule, 1, cluster, free_compute())), " ")));
  REQUIRE(contains(answer, "already simulated"));
}

TEST_CASE("a child that dies is reported") {
  REQUIRE(contains(message_of<std::runtime_error>([] { in_child([]() -> std::string { std::abort(); }); }), "signal 6"));
  REQUIRE(contains(message_of<std::runtime_error>([] { in_child([]() -> std::string { _exit(3); }); }), "status 3"));
}

TEST_CASE("results of any size and content come back") {
  std::string large(20'000'000, 'x');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 2654435761U >> 7U);
  REQUIRE(in_child([&] { return large; }) == large);
  REQUIRE(in_child([] { return std::string(); }).empty());
}

TEST_CASE("a child neither repeats the parent's output nor runs its exit handlers") {
  // In a process of its own, whose standard output is a file: buffered, with an exit handler, and a simulation in between.
  const std::string path = (std::filesystem::temp_directory_path() / cat("convoy_test_in_child_", getpid())).string();
  const pid_t process = fork();
  if (process == 0) {
    if (std::freopen(path.c_str(), "w", stdout) == nullptr) _exit(1);
    std::printf("once\n");
    if (std::atexit([] { std::printf("at exit\n"); }) != 0) _exit(1);
    in_child([] { return std::string("nothing"); });
    simulate(flows_schedule(2, {{0, 1, 1000}}), 1, switch_cluster(2, 1), free_compute());
    std::fflush(stdout);
    _exit(0);
  }
  int status = -1;
  REQUIRE(waitpid(process, &status, 0) == process);
  REQUIRE(status == 0);
  std::FILE* file = std::fopen(path.c_str(), "r");
  REQUIRE(file != nullptr);
  std::string text(100, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  std::remove(path.c_str());
  REQUIRE(text == "once\n");
}
