/// Gradients summed by every all-reduce, on several channels and over nodes, give what the serial run computes.
#include "tests/catch.h"
#include "tests/oracle/compare.h"
#include "tests/oracle/models.h"
#include "tests/oracle/plan_cases.h"

using namespace convoy;
using namespace convoy::tests;

TEST_CASE("every algorithm of the gradients equals the serial run") {
  const Model model = small_lenet();
  int compared = 0;
  for (const int ranks : {3, 4, 6})
    for (const PlanCase& c : algorithm_cases(ranks)) {
      CAPTURE(ranks, c.label);
      Plan plan = c.plan;
      plan.dtype = DType::f64;
      plan.bucket_bytes = 1500;
      const Schedule schedule = make_schedule(model, plan);
      const Training training = training_of(model, plan.global_batch, 3);
      const PlannedRun run = run_planned(schedule, model, training.data, training.settings);
      REQUIRE(run.breaches.empty());
      REQUIRE(run.miscounted.empty());
      REQUIRE(run.replicas_agree);
      REQUIRE(relative_difference(model, remembered_serial_run(training).values.weights, run) <= 1e-9);
      ++compared;
    }
  REQUIRE(compared > 30);
}
