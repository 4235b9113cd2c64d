/// A project of somebody else that uses the installed libraries: it simulates one training step.
#include <cmath>
#include <iostream>

#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/validate.h"
#include "simulator/cost/cost.h"
#include "simulator/engine/simulate.h"

int main() {
  using namespace convoy;
  const Schedule schedule = make_schedule(make_model("lenet5"), make_plan("data", {.ranks = 3, .global_batch = 12}));
  require_valid(schedule);
  Cluster cluster{.name = "three", .nodes = 3};
  cluster.nic = {.latency_s = 1e-6, .bandwidth_bytes_per_s = 1e9};
  const Timeline timeline = simulate(schedule, 1, cluster, free_compute());
  const double time_s = step_times(schedule, timeline, 0).step_time_s;
  std::cout << "simulated " << time_s << " s for " << schedule.world_size() << " ranks of " << schedule.model << "\n";
  return std::isfinite(time_s) && time_s > 0 ? 0 : 1;
}
