// Simulated local SGD: weights travel once a round, and times and bytes are of a step.
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/ideal.h"
#include "simulator/engine/simulate.h"
#include "tests/catch.h"
#include "tests/engine/schedules.h"

using namespace convoy;
using namespace convoy::testing;

namespace {

/// A forward op takes 1 ms, everything else nothing.
CostModel one_ms_forward() {
  CostModel cost;
  cost.compute_s = [](const Program&, const Op&, const Compute& compute) {
    return compute.kind == ComputeKind::forward && compute.node == 0 ? 1 * ms : 0;
  };
  return cost;
}

}  // namespace

TEST_CASE("a round of H local steps takes H steps and one mean: a step takes one and its share of the mean") {
  const Model model = make_model("lenet5");
  const Cluster cluster = switch_cluster(4, 1);
  const auto times_of = [&](const Plan& plan, const CostModel& cost, Fidelity fidelity) {
    const Schedule schedule = make_schedule(model, plan);
    return step_times(schedule, simulate(schedule, 3, cluster, cost, {.fidelity = fidelity}), 1);
  };
  for (const Fidelity fidelity : {Fidelity::steps, Fidelity::flows, Fidelity::formula})
    for (const LocalMomentum momentum : {LocalMomentum::restart, LocalMomentum::average, LocalMomentum::keep})
      for (const int steps : {1, 2, 8}) {
        Plan data = make_plan("data", {.ranks = 4, .global_batch = 32});
        Plan local = make_plan("local_sgd", {.ranks = 4, .global_batch = 32, .local = {.steps = steps, .momentum = momentum}});
        data.overlap = local.overlap = false;
        const double sum_s = times_of(data, free_compute(), fidelity).step_time_s;  // of as many bytes as the weights
        const double sums = momentum == LocalMomentum::average ? 2 : 1;
        CAPTURE(steps, to_string(momentum), static_cast<int>(fidelity));
        const StepTimes times = times_of(local, one_ms_forward(), fidelity);
        REQUIRE(sum_s > 1 * us);
        REQUIRE(relative_error(times.step_time_s, 1 * ms + sums * sum_s / steps) <= 1e-9);
        REQUIRE(relative_error(times.compute_s, 1 * ms) <= 1e-9);
        REQUIRE(relative_error(times.exposed_communication_s, sums * sum_s / steps) <= 1e-9);
        REQUIRE(relative_error(times.ranks.front().step_s, times.step_time_s) <= 1e-9);
      }
}
