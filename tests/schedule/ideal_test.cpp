/// ideal() against closed forms.
#include "reference/schedule/ideal.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "tests/catch.h"
#include "tests/schedule/hand_made.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

const CostModel kOneSecondEach{[](const Program&, const Op&, const Compute&) { return 1.0; }, nullptr};

double end_of(const Timeline& timeline) {
  double end = 0;
  for (const Interval& i : timeline.intervals) end = std::max(end, i.end_s);
  return end;
}

}  // namespace

TEST_CASE("the ideal time of every collective is its closed form") {
  const LinkModel link{3e-6, 10e9};
  for (const CollectiveAlgorithm& algorithm : collective_algorithms())
    for (const int n : {1, 2, 3, 4, 8, 13, 16}) {
      const int count = 4 * n * 1000;
      Schedule schedule = empty_schedule(n, count);
      Collective collective{.kind = algorithm.kind,
                            .algorithm = std::string(algorithm.name),
                            .axis = 0,
                            .id = 0,
                            .root = 0,
                            .chunks = 2,
                            .region = {0, {0, count}}};
      if (algorithm.time_s == nullptr) continue;
      if (!why_not(algorithm, request_of(schedule, 0, collective)).empty()) collective.chunks = 1;  // some have one only
      if (!why_not(algorithm, request_of(schedule, 0, collective)).empty()) continue;
      schedule.programs[0].ops.push_back({"collective", 1, {}, collective});
      const Timeline timeline = ideal(schedule, 1, kOneSecondEach, [&](int, int) { return link; });
      const double expected = algorithm.time_s(request_of(schedule, 0, collective), 4.0 * count, link);
      CAPTURE(algorithm.name, n);
      REQUIRE(std::abs(end_of(timeline) - expected) <= 1e-9 * expected);
    }
}

TEST_CASE("a message waits for the later of its two ends") {
  // Rank 0 computes one second before it sends; rank 1 is ready at once.
  Schedule schedule = empty_schedule(2);
  Program& sender = schedule.programs[0];
  sender.ops.push_back(compute_op("compute", {{Role::y, Access::write, all_of(sender, 0)}}));
  sender.ops.push_back(exchange_op("send", Message{{0, 1}, all_of(sender, 0), 1}, std::nullopt, 1, {0}));
  Program& receiver = own_program(schedule, 1);
  receiver.ops.clear();
  receiver.ops.push_back(exchange_op("recv", std::nullopt, Message{{0, -1}, all_of(receiver, 0), 1}, 1));
  const Timeline timeline = ideal(schedule, 1, kOneSecondEach, [](int, int) { return LinkModel{0.5, 64}; });
  REQUIRE(check_timeline(schedule, 1, timeline).empty());
  REQUIRE(end_of(timeline) == Approx(1 + 0.5 + 32.0 / 64));
}

TEST_CASE("overlap hides communication, and the rest of the step adds up") {
  const CostModel cost{[](const Program&, const Op&, const Compute& compute) { return compute.work.flops * 1e-9 + 1e-6; },
                       nullptr};
  const LinkFn link = [](int, int) { return LinkModel{5e-6, 1e9}; };
  Plan plan = make_plan("data", {.ranks = 4, .global_batch = 64});
  plan.bucket_bytes = 64 * 1024;
  double step[2] = {};
  for (const bool overlap : {false, true}) {
    plan.overlap = overlap;
    const Schedule schedule = make_schedule(make_lenet5(), plan);
    const Timeline timeline = ideal(schedule, 4, cost, link);
    REQUIRE(check_timeline(schedule, 4, timeline, 1e-12).empty());
    const StepTimes times = step_times(schedule, timeline, 1);
    REQUIRE(std::abs(times.compute_s + times.exposed_communication_s + times.wait_s + times.bubble_s - times.mean_step_time_s) <=
            1e-12);
    if (!overlap) REQUIRE(times.hidden_communication_s <= 1e-12);
    if (overlap) REQUIRE(times.hidden_communication_s > 0);
    step[overlap ? 1 : 0] = times.step_time_s;
  }
  REQUIRE(step[1] < step[0]);
}

TEST_CASE("adding what arrives costs what the cost model says") {
  const int n = 4;
  Schedule schedule = empty_schedule(n, 1600);
  schedule.programs[0].ops.push_back(all_reduce_op(all_of(schedule.programs[0], 0)));
  const CostModel cost{[](const Program&, const Op&, const Compute&) { return 0.0; },
                       [](OnReceive how, double bytes) { return how == OnReceive::add ? bytes * 1e-3 : 0.0; }};
  const Timeline timeline = ideal(schedule, 1, cost, [](int, int) { return LinkModel{1, 1600}; });
  // Each of the 3 + 3 rounds moves 1,600 bytes in 1 + 1 s; the first three add for 1.6 s.
  REQUIRE(end_of(timeline) == Approx(6 * 2 + 3 * 1.6));
}
