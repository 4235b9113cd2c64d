// The bubble of every order of a pipeline, simulated: with equal stages and messages that take next to no time it is the formula.
#include "reference/core/error.h"
#include "simulator/engine/simulate.h"
#include "tests/catch.h"
#include "tests/engine/schedules.h"
#include "tests/plans/pipelines.h"

using namespace convoy;

TEST_CASE("simulated, equal stages and free messages idle as the order's formula says") {
  for (const PipelineShape& shape : {PipelineShape{2, 1, 4}, {4, 1, 4}, {4, 1, 8}, {2, 2, 4}, {4, 2, 8}, {2, 4, 4}, {4, 4, 4}})
    for (const PipelineOrder& order : pipeline_orders()) {
      if (!tests::takes(order, shape)) continue;
      CAPTURE(order.name, shape.ranks, shape.stages_per_rank, shape.micro_batches);
      Cluster cluster = testing::switch_cluster(shape.ranks, 1);
      cluster.nic = {1e-9, 1e15};
      const Schedule schedule = tests::equal_stages(order, shape);
      const Timeline timeline = simulate(schedule, 1, cluster, tests::unit_cost());
      REQUIRE(tests::idle_fraction(schedule, timeline) == Approx(order.bubble(shape)).margin(1e-6));
    }
}
