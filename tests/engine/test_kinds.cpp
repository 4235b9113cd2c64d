// Nodes of several kinds: every rank computes as fast as its own device.
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "simulator/engine/simulate.h"
#include "tests/catch.h"
#include "tests/engine/schedules.h"

using namespace convoy;
using namespace convoy::testing;

namespace {

/// Two nodes of two devices, and one of two others.
Cluster two_kinds() {
  Cluster cluster = switch_cluster(2, 2);
  cluster.others.push_back(switch_cluster(1, 2));
  return cluster;
}

CostModel all_take(double time_s) {
  return {[=](const Program&, const Op&, const Compute&) { return time_s; }, nullptr};
}

}  // namespace

TEST_CASE("ranks compute with the costs of their own nodes, and the others wait for the slowest") {
  Schedule schedule = empty_schedule(6, 1);
  Program& program = schedule.programs[0];
  const Region data = add_buffer(program, "data", 600);
  program.ops.push_back(compute_op("compute"));
  program.ops.push_back({"sum", 1, {0}, Collective{CollectiveKind::all_reduce, "ring", 0, 0, 0, 1, data}});
  for (const Fidelity fidelity : {Fidelity::steps, Fidelity::flows, Fidelity::formula}) {
    const Timeline timeline =
        simulate(schedule, 1, two_kinds(), all_take(1e-3), {.fidelity = fidelity, .other_costs = {all_take(3e-3)}});
    const StepTimes times = step_times(schedule, timeline, 0);
    int counted = 0;
    for (const RankTimes& rank : times.ranks) {
      CAPTURE(to_string(fidelity), rank.rank);
      const bool slow = rank.rank >= 4;
      CHECK(rank.compute_s == Approx(slow ? 3e-3 : 1e-3));
      CHECK(rank.wait_s == Approx(slow ? 0 : 2e-3));
      CHECK(rank.ranks == (fidelity == Fidelity::steps ? 1 : slow ? 2 : 4));
      counted += rank.ranks;
    }
    CHECK(counted == 6);
    CHECK(times.step_time_s > 3e-3);
  }
}

TEST_CASE("a placement says on whose devices ranks are") {
  Schedule schedule = empty_schedule(2, 1);
  schedule.programs[0].ops.push_back(compute_op("compute"));
  const Timeline timeline = simulate(schedule, 1, two_kinds(), all_take(1e-3),
                                     {.fidelity = Fidelity::steps, .placement = {5, 0}, .other_costs = {all_take(3e-3)}});
  CHECK(interval_of(timeline, 0, 0).end_s == Approx(3e-3));
  CHECK(interval_of(timeline, 1, 0).end_s == Approx(1e-3));
  CHECK_THROWS_AS(simulate(schedule, 1, two_kinds(), all_take(1), {.other_costs = {all_take(1), all_take(1)}}),
                  std::invalid_argument);
}
