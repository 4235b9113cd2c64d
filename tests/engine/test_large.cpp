// What must stay small with 16,384 ranks.
#include <malloc.h>

#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "simulator/engine/simulate.h"
#include "tests/catch.h"
#include "tests/engine/schedules.h"

using namespace convoy;
using namespace convoy::testing;

TEST_CASE("a schedule for 16384 ranks is a few hundred ops in less than 10 MB, and so is its timeline") {
  constexpr int kRanks = 16384;
  const Model model = make_model("vgg16");
  const std::size_t before = mallinfo2().uordblks;
  const Schedule schedule = make_schedule(model, make_plan("data", {.ranks = kRanks, .global_batch = 32 * kRanks}));
  const std::size_t bytes = mallinfo2().uordblks - before;
  std::size_t ops = 0;
  for (const Program& program : schedule.programs) ops += program.ops.size();
  REQUIRE(schedule.world_size() == kRanks);
  REQUIRE(ops > 50);
  REQUIRE(ops < 500);
  REQUIRE(bytes > kRanks);  // else it was not counted
  REQUIRE(bytes < 10'000'000);

  Cluster cluster = load_cluster("dgx-v100");
  cluster.nodes = kRanks / cluster.devices_per_node;
  const CostModel cost = roofline(cluster.device, "fp32");
  const Timeline flows = simulate(schedule, 2, cluster, cost, {.fidelity = Fidelity::automatic});
  REQUIRE(flows.fidelity == "flows");
  REQUIRE(flows.representatives == std::vector<Representative>{{0, kRanks}});
  REQUIRE(flows.intervals.size() == 2 * ops);
  // A ring over consecutive ranks shares nothing: the formula knows its time.
  const Timeline formula = simulate(schedule, 2, cluster, cost, {.fidelity = Fidelity::formula});
  REQUIRE(relative_error(end_of(flows), end_of(formula)) <= 1e-9);
}
