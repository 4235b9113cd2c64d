/// What has nothing to do is called so everywhere: in the table of a step, in the picture, in both files and in their comparison.
#include <algorithm>
#include <string>

#include "reference/core/error.h"
#include "reference/schedule/waits.h"
#include "simulator/report/chrome_trace.h"
#include "simulator/report/gantt.h"
#include "simulator/report/trace.h"
#include "simulator/report/trace_compare.h"
#include "tests/catch.h"
#include "tests/report/hand_made.h"

using namespace convoy;

namespace {

/// Rank 0 computes and then sends to rank 1, which receives, computes, and serves beside that.
Schedule pipeline() {
  Schedule schedule = hand_made::schedule();
  const Message to_next{.peer = {0, 1}, .region = {0, {0, 100}}, .id = 7};
  const Message from_before{.peer = {0, -1}, .region = {0, {0, 100}}, .id = 7};
  Program first = schedule.programs[0], second = first;
  first.ops = {{"conv1.forward", kComputeStream, {}, hand_made::compute(ComputeKind::forward)},
               {"to1", kCommunicationStream, {0}, Exchange{.send = to_next, .recv = {}}}};
  second.ops = {{"to1", kCommunicationStream, {}, Exchange{.send = {}, .recv = from_before}},
                {"conv2.forward", kComputeStream, {0}, hand_made::compute(ComputeKind::forward)},
                {"serve0", 2, {}, Serve{}}};
  schedule.programs = {first, second};
  schedule.class_of = {0, 1};
  return schedule;
}

/// Rank 0: forward 0-4 s, sends 4-6. Rank 1: is ready to receive from 0 on, forward 6-10. With `late`, rank 1 is not ready
/// before 5.
Timeline timeline(bool late) {
  Timeline timeline{"simulated", {}};
  timeline.intervals = {{0, 0, 0, 0, 4}, {0, 0, 1, 4, 6}, {1, 0, 0, late ? 5.0 : 0.0, 6}, {1, 0, 1, 6, 10}, {1, 0, 2, 0, 10}};
  return timeline;
}

std::string line_of(const std::string& text, const std::string& label) {
  const std::size_t begin = text.find('|', text.find(label)) + 1;
  return text.substr(begin, text.find('|', begin) - begin);
}

double phase_s(const double (&phases)[kPhaseCount], Phase phase) { return phases[static_cast<int>(phase)]; }

}  // namespace

TEST_CASE("an op that only receives has a bubble until its sender begins, and a server all the time") {
  const Schedule schedule = pipeline();
  for (const bool late : {false, true}) {
    CAPTURE(late);
    const Timeline run = timeline(late);
    const double waits_s = late ? 1 : 0, moves_s = 2 - waits_s;  // the sender waits for a receiver that is late

    const StepTimes times = step_times(schedule, run, 0);
    CHECK(times.wait_s == Approx(waits_s / 2));  // means over two ranks
    CHECK(times.exposed_communication_s == Approx((moves_s + (late ? 1 : 2)) / 2));
    CHECK(times.ranks.at(1).bubble_s == Approx(late ? 5 : 4));
    CHECK(phase_s(times.phase_s, Phase::wait) == Approx(waits_s / 2));

    const std::string text = gantt(schedule, run, {.iteration = 0, .columns = 124});
    const auto count = [](const std::string& line, char letter) { return std::count(line.begin(), line.end(), letter); };
    const std::string receives = line_of(text, "rank 1  communication"), sends = line_of(text, "rank 0  communication");
    const auto columns = static_cast<double>(receives.size());
    CHECK(count(receives, 'W') == 0);
    CHECK(std::abs(static_cast<double>(count(receives, 'C')) - columns * (late ? 1 : 2) / 10) <= 1);
    CHECK(std::abs(static_cast<double>(count(sends, 'W')) - columns * waits_s / 10) <= 1);
    CHECK((text.find("W waiting") != std::string::npos) == late);

    const TimelineFile file = summarise(schedule, run);
    for (const Trace& trace :
         {trace_of(file), trace_of(parse_timeline(to_json(file), "t.json")), read_trace(chrome_trace(file), "t.json")}) {
      const TraceTimes of_trace = times_of(trace);
      CHECK(of_trace.exposed_communication_s == Approx(times.exposed_communication_s));
      CHECK(of_trace.wait_s == Approx(times.wait_s));
      CHECK(of_trace.compute_s == Approx(times.compute_s));
      CHECK(of_trace.compute_s + of_trace.exposed_communication_s + of_trace.wait_s + of_trace.idle_s == Approx(of_trace.step_s));
      for (int phase = 0; phase < kPhaseCount; ++phase) CHECK(of_trace.phase_s[phase] == Approx(times.phase_s[phase]));
      const std::string table = trace_compare_table(trace, trace);
      CHECK((table.find("waiting, hidden or not") != std::string::npos) == late);
      CHECK((table.find("waiting  ") != std::string::npos) == late);
    }
  }
}

TEST_CASE("the beginning of an op without anything to do is in a Chrome trace, under a category of its own") {
  const std::string text = chrome_trace(summarise(pipeline(), timeline(false)));
  CHECK(text.find(R"("name":"to1","cat":"bubble","pid":1)") != std::string::npos);
  CHECK(text.find(R"("name":"to1","cat":"other_communication","pid":1)") != std::string::npos);
  CHECK(text.find(R"("name":"serve0","cat":"bubble","pid":1)") != std::string::npos);
}

TEST_CASE("a rank that only serves counts among those of which a trace has the means") {
  Schedule schedule = pipeline();
  schedule.programs[1].ops = {{"serve0", 0, {}, Serve{}}};
  schedule.programs[0].ops.pop_back();
  const Timeline run{"simulated", {{0, 0, 0, 0, 4}, {1, 0, 0, 0, 10}}};
  const TimelineFile file = summarise(schedule, run);
  for (const Trace& trace : {trace_of(file), read_trace(chrome_trace(file), "t.json")}) {
    const TraceTimes times = times_of(trace);
    CHECK(times.compute_s == Approx(2));  // 4 s of one of two
    CHECK(times.idle_s == Approx(8));
    CHECK(times.exposed_communication_s == 0);
    CHECK(trace.lanes.size() == 2);
  }
}

TEST_CASE("a bubble that is longer than its op is refused") {
  std::string text = to_json(summarise(pipeline(), timeline(false)));
  const std::string right = "6.0,0.0,4.0]", wrong = "6.0,0.0,7.0]";
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  REQUIRE(text.find(right) != std::string::npos);
  text.replace(text.find(right), right.size(), wrong);
  CHECK_THROWS_AS(parse_timeline(text, "t.json"), InputError);
  text.replace(text.find(wrong), wrong.size(), right);
  CHECK(parse_timeline(text, "t.json").waits.at(2).bubble_s == Approx(4));
}
