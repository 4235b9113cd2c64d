// What lessons count in schedules: nothing is lost between ranks or between layers, and a ring sends what its formula says.
#include "lessons/traffic.h"

#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "tests/catch.h"

using namespace convoy;
using namespace convoy::lesson;

TEST_CASE("what all ranks send is what all ranks receive, and bytes by node are all bytes") {
  const Model model = make_lenet5();
  for (const char* name : {"data", "data_parallel_root", "filter", "channel", "megatron", "spatial"}) {
    Plan plan = make_plan(name, {.ranks = 3, .global_batch = 7});
    plan.bucket_bytes = 1;
    const Schedule schedule = make_schedule(model, plan);
    Traffic all;
    for (int rank = 0; rank < 3; ++rank) {
      const Traffic mine = traffic_of(schedule, rank);
      all += mine;
      CAPTURE(name, rank);
      REQUIRE(mine.sent > 0);
      if (plan.at_root) continue;  // the weights that it broadcasts belong to no one node
      std::int64_t by_node = 0;
      for (const std::int64_t bytes : bytes_by_node(model, schedule, rank)) by_node += bytes;
      CHECK(by_node == mine.sent);
    }
    CHECK(all.sent == all.received);
  }
}

TEST_CASE("gradients are charged to the layer whose they are") {
  const Model model = make_lenet5();
  Plan plan = make_plan("data", {.ranks = 2, .global_batch = 4});
  plan.bucket_bytes = 1;
  const std::vector<std::int64_t> bytes = bytes_by_node(model, make_schedule(model, plan), 0);
  std::vector<std::int64_t> expected(model.nodes.size(), 0);
  for (const Parameter& p : parameters(model)) expected[static_cast<std::size_t>(p.node)] += 4 * p.shape.count();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(model.nodes[i].name);
    CHECK(bytes[i] == expected[i]);  // two ranks: 2 (n-1)/n = 1 times the gradient
  }
}
