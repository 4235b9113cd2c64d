/// Arithmetic on timelines, with numbers worked out by hand.
#include "reference/schedule/timeline.h"
#include "tests/catch.h"
#include "tests/schedule/hand_made.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

/// forward on stream 0, an all-reduce on stream 1 after it, a backward op beside it, an update after both.
Schedule four_ops(int ranks) {
  Schedule schedule = empty_schedule(ranks);
  Program& program = schedule.programs[0];
  program.ops.push_back(compute_op("forward", {}));
  program.ops.push_back(all_reduce_op(all_of(program, 0), 0, {0}));
  program.ops.push_back({"backward", 0, {}, Compute{ComputeKind::backward_input, 0, {}, {}}});
  program.ops.push_back({"update", 0, {1}, Compute{ComputeKind::update, -1, {}, {}}});
  return schedule;
}

/// Two iterations: forward 0-3, all-reduce 3-8, backward 3-5, update 8-9, then the same 10 s later (1 s late).
Timeline by_hand(int rank) {
  Timeline timeline{.clock = "formula", .intervals = {}};
  for (int k = 0; k < 2; ++k) {
    const double t = 10.0 * k;
    timeline.intervals.push_back({rank, k, 0, t + 0, t + 3});
    timeline.intervals.push_back({rank, k, 2, t + 3, t + 5});
    timeline.intervals.push_back({rank, k, 1, t + 3, t + 8});
    timeline.intervals.push_back({rank, k, 3, t + 8, t + 9});
  }
  return timeline;
}

}  // namespace

TEST_CASE("a step is divided into compute, exposed communication and idle time") {
  const Schedule schedule = four_ops(1);
  const StepTimes times = step_times(schedule, by_hand(0), 1);
  REQUIRE(times.iterations == 1);
  REQUIRE(times.step_time_s == Approx(10));  // from 9 to 19
  REQUIRE(times.compute_s == Approx(6));
  REQUIRE(times.exposed_communication_s == Approx(3));
  REQUIRE(times.hidden_communication_s == Approx(2));
  REQUIRE(times.bubble_s == Approx(1));
  REQUIRE(times.compute_s + times.exposed_communication_s + times.wait_s + times.bubble_s == Approx(times.mean_step_time_s));
  REQUIRE(times.phase_s[static_cast<std::size_t>(Phase::forward)] == Approx(3));
  REQUIRE(times.phase_s[static_cast<std::size_t>(Phase::backward)] == Approx(2));
  REQUIRE(times.phase_s[static_cast<std::size_t>(Phase::all_reduce)] == Approx(5));
  REQUIRE(times.phase_s[static_cast<std::size_t>(Phase::update)] == Approx(1));
}

TEST_CASE("without a warm-up the first step counts from its first start") {
  const StepTimes times = step_times(four_ops(1), by_hand(0), 0);
  REQUIRE(times.iterations == 2);
  REQUIRE(times.step_time_s == Approx(9.5));  // the middle of 9 and 10
  REQUIRE(times.bubble_s == Approx(0.5));
}

TEST_CASE("the step of a run ends with its last rank") {
  const Schedule schedule = four_ops(2);
  Timeline timeline = by_hand(0);
  for (Interval i : by_hand(1).intervals) timeline.intervals.push_back({1, i.iteration, i.op, i.start_s + 2, i.end_s + 2});
  const StepTimes times = step_times(schedule, timeline, 1);
  REQUIRE(times.step_time_s == Approx(10));  // from 11 to 21
  REQUIRE(times.compute_s == Approx(6));     // the mean over ranks
}

TEST_CASE("a collective moves nothing before its last rank has come") {
  // Rank 1 is two seconds late everywhere and makes its all-reduce in 3 s; rank 0 is in it from 3 to 8, so it waited for 2 of
  // its 5.
  const Schedule schedule = four_ops(2);
  Timeline timeline{.clock = "formula", .intervals = {}};
  for (const Interval& i : by_hand(0).intervals)
    if (i.iteration == 0) {
      timeline.intervals.push_back(i);
      const double end_s = i.op == 1 ? 8 : i.end_s + 2;
      timeline.intervals.push_back({1, 0, i.op, i.start_s + 2, end_s});
    }
  const StepTimes times = step_times(schedule, timeline, 0);
  REQUIRE(times.phase_s[static_cast<std::size_t>(Phase::all_reduce)] == Approx(3));
  REQUIRE(times.phase_s[static_cast<std::size_t>(Phase::wait)] == Approx(1));  // 2 s on one of two ranks
  REQUIRE(times.ranks.size() == 2);
  REQUIRE(times.ranks[0].wait_s == Approx(0));  // it computed while it waited
  REQUIRE(times.ranks[0].hidden_communication_s == Approx(0));
  REQUIRE(times.ranks[0].exposed_communication_s == Approx(3));
  REQUIRE(times.ranks[1].bubble_s == Approx(4));  // before it began, and between the sum and its update
  REQUIRE(times.ranks[1].hidden_communication_s == Approx(2));
}

TEST_CASE("the phases of a step are medians over iterations") {
  const Schedule schedule = four_ops(1);
  Timeline timeline{.clock = "formula", .intervals = {}};
  for (int k = 0; k < 3; ++k) {
    const double slow_s = k == 1 ? 50 : 0;  // one step is disturbed
    timeline.intervals.push_back({0, k, 0, 100.0 * k, 100.0 * k + 3 + slow_s});
  }
  REQUIRE(step_times(schedule, timeline, 0).phase_s[static_cast<std::size_t>(Phase::forward)] == Approx(3));
}

TEST_CASE("an empty timeline gives zeros, and too long a warm-up is refused") {
  REQUIRE(step_times(four_ops(1), {}, 0).step_time_s == 0);
  REQUIRE_THROWS_AS(step_times(four_ops(1), by_hand(0), 2), std::invalid_argument);
}

TEST_CASE("check_timeline finds every breach") {
  const Schedule schedule = four_ops(1);
  REQUIRE(check_timeline(schedule, 2, by_hand(0)).empty());
  Timeline broken = by_hand(0);
  const auto finds = [&](const std::string& text) {
    for (const std::string& breach : check_timeline(schedule, 2, broken))
      if (breach.find(text) != std::string::npos) return true;
    return false;
  };
  SECTION("an op that did not run") {
    broken.intervals.pop_back();
    REQUIRE(finds("did not run"));
  }
  SECTION("an op that ran twice") {
    broken.intervals.push_back(broken.intervals.back());
    REQUIRE(finds("ran twice"));
  }
  SECTION("an op before what it comes after") {
    broken.intervals[2].end_s = 8.5;
    REQUIRE(finds("starts before op 1 has ended"));
  }
  SECTION("a stream out of order") {
    broken.intervals[1].start_s = 2.5;
    REQUIRE(finds("starts before its stream is free"));
  }
  SECTION("an end before its start, and NaN") {
    broken.intervals[0].end_s = -1;
    REQUIRE(finds("ends before it starts"));
    broken.intervals[0].end_s = std::numeric_limits<double>::quiet_NaN();
    REQUIRE(finds("ends before it starts"));
  }
  SECTION("something unknown") {
    broken.intervals.push_back({0, 0, 99, 0, 1});
    REQUIRE(finds("unknown rank"));
  }
}
