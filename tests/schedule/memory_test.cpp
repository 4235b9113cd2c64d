/// The memory plan: what is alive together never shares memory, and the peak is what can be counted by hand.
#include <algorithm>

#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/memory.h"
#include "reference/schedule/order.h"
#include "tests/catch.h"
#include "tests/schedule/hand_made.h"

using namespace convoy;
using namespace convoy::tests;

TEST_CASE("the order of a program follows from streams and after") {
  Schedule schedule = empty_schedule(1);
  Program& program = schedule.programs[0];
  program.ops.push_back(compute_op("a", {}, {}, 0));   // 0
  program.ops.push_back(compute_op("b", {}, {0}, 1));  // 1
  program.ops.push_back(compute_op("c", {}, {}, 0));   // 2: not ordered with b
  program.ops.push_back(compute_op("d", {}, {1}, 0));  // 3
  const ProgramOrder order(program);
  REQUIRE(order.before(0, 1));
  REQUIRE(order.before(0, 3));
  REQUIRE_FALSE(order.before(1, 2));
  REQUIRE_FALSE(order.before(2, 1));
  REQUIRE(order.before(1, 3));
  REQUIRE_FALSE(order.before(3, 0));
  REQUIRE(order.before(3, 0, true));  // the next iteration
  REQUIRE(order.before(1, 1, true));
  REQUIRE_FALSE(order.before(3, 3));
}

TEST_CASE("buffers share memory only when one is done with before the other begins") {
  for (const Mode mode : {Mode::train, Mode::evaluate})
    for (const int ranks : {1, 2}) {
      const Schedule schedule = make_schedule(make_lenet5(), make_plan("data", {.ranks = ranks, .global_batch = 6}), mode);
      const Program& program = schedule.programs[0];
      const MemoryPlan plan = plan_memory(program);
      const ProgramOrder order(program);
      std::vector<std::vector<int>> touching(program.buffers.size());
      for (std::size_t op = 0; op < program.ops.size(); ++op) {
        const auto [reads, writes] = regions_of(program.ops[op]);
        for (const auto* regions : {&reads, &writes})
          for (const Region& r : *regions) touching[static_cast<std::size_t>(r.buffer)].push_back(static_cast<int>(op));
      }
      const auto all_before = [&](std::size_t a, std::size_t b) {
        return std::all_of(touching[a].begin(), touching[a].end(), [&](int x) {
          return std::all_of(touching[b].begin(), touching[b].end(), [&](int y) { return order.before(x, y); });
        });
      };
      int shared = 0;
      for (std::size_t a = 0; a < program.buffers.size(); ++a)
        for (std::size_t b = 0; b < a; ++b) {
          const auto end = [&](std::size_t i) { return plan.offset_bytes[i] + program.buffers[i].shape.count() * 4; };
          const bool overlap = plan.offset_bytes[a] < end(b) && plan.offset_bytes[b] < end(a);
          if (!overlap) continue;
          ++shared;
          CAPTURE(program.buffers[a].name, program.buffers[b].name);
          REQUIRE((all_before(a, b) || all_before(b, a)));
          REQUIRE_FALSE(is_persistent(program.buffers[a].kind));
        }
      REQUIRE(shared > 0);
      REQUIRE(plan.total_bytes >= memory_of(program).peak_bytes);
    }
}

TEST_CASE("the peak of LeNet-5 is what can be counted by hand") {
  // Forward keeps every output; at the peak of training, gradients, weights and momentum are alive beside activations.
  const Schedule schedule = make_schedule(make_lenet5(), make_plan("data", {.ranks = 1, .global_batch = 1}), Mode::evaluate);
  const Memory memory = memory_of(schedule.programs[0]);
  REQUIRE(memory.bytes_of_kind[static_cast<std::size_t>(BufferKind::weights)] == 4 * 61'706);
  // At relu1 or conv1 two tensors of 6 x 28 x 28 are alive together: in and out of relu1.
  REQUIRE(memory.bytes_of_kind[static_cast<std::size_t>(BufferKind::activation)] == 4 * 2 * 6 * 28 * 28);
  REQUIRE(memory.peak_bytes == 4 * (61'706 + 2 * 6 * 28 * 28));
  REQUIRE(schedule.programs[0].ops[static_cast<std::size_t>(memory.peak_op)].name == "relu1.forward");

  const Schedule training = make_schedule(make_lenet5(), make_plan("data", {.ranks = 1, .global_batch = 1}));
  const Memory trained = memory_of(training.programs[0]);
  REQUIRE(trained.bytes_of_kind[static_cast<std::size_t>(BufferKind::optimizer)] == 4 * 61'706);
  REQUIRE(trained.bytes_of_kind[static_cast<std::size_t>(BufferKind::gradients)] == 4 * 61'706);
}

TEST_CASE("what one stream may still use is not given away by another") {
  // "b" is used on stream 1; nothing says when that ends before "c" is written on stream 0.
  Schedule schedule = empty_schedule(1);
  Program& program = schedule.programs[0];
  program.buffers.push_back({"c", BufferKind::workspace, DType::f32, {1, 8, 1, 1}});
  program.ops.push_back(compute_op("write b", {{Role::y, Access::write, all_of(program, 1)}}, {}, 0));
  program.ops.push_back(compute_op("read b", {{Role::x, Access::read, all_of(program, 1)}}, {0}, 1));
  program.ops.push_back(compute_op("write c", {{Role::y, Access::write, all_of(program, 2)}}, {}, 0));
  program.ops.push_back(compute_op("end", {}, {1}, 0));
  MemoryPlan plan = plan_memory(program);
  REQUIRE(plan.offset_bytes[1] != plan.offset_bytes[2]);
  program.ops[2].after = {1};
  plan = plan_memory(program);
  REQUIRE(plan.offset_bytes[1] == plan.offset_bytes[2]);
}
