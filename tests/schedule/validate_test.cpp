/// validate() rejects every kind of broken schedule with its own sentence, and accepts what is right.
#include <algorithm>

#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/validate.h"
#include "tests/catch.h"
#include "tests/schedule/hand_made.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

/// All problems in one string, for messages of failing tests.
std::string text_of(const Schedule& schedule, const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) text += to_string(schedule, problem) + "\n";
  return text;
}

/// The schedule has a problem of this rule whose sentence contains this text.
void requires_problem(const Schedule& schedule, const std::string& rule, const std::string& part, std::int64_t memory = 0) {
  const std::vector<Problem> problems = validate(schedule, memory);
  INFO(text_of(schedule, problems));
  const bool found = std::any_of(problems.begin(), problems.end(),
                                 [&](const Problem& p) { return p.rule == rule && p.sentence.find(part) != std::string::npos; });
  CAPTURE(rule, part);
  REQUIRE(found);
}

Schedule lenet(int ranks, bool overlap = true) {
  Plan plan = make_plan("data", {.ranks = ranks, .global_batch = 8});
  plan.bucket_bytes = 64 * 1024;
  plan.overlap = overlap;
  return make_schedule(make_lenet5(), plan);
}

/// Sends a to the next rank and receives b from the one before, with the ids given.
Schedule shift(int ranks) {
  Schedule schedule = empty_schedule(ranks);
  Program& program = schedule.programs[0];
  program.ops.push_back(exchange_op("shift", Message{{0, 1}, all_of(program, 0), 5}, Message{{0, -1}, all_of(program, 1), 5}, 1));
  return schedule;
}

int op_named(const Program& program, const std::string& name) {
  for (std::size_t i = 0; i < program.ops.size(); ++i)
    if (program.ops[i].name == name) return static_cast<int>(i);
  FAIL("no op " << name);
  return -1;
}

}  // namespace

TEST_CASE("right schedules have no problems") {
  for (const int ranks : {1, 2, 3, 8, 11})  // 11 ranks, 8 images: three have none
    for (const bool overlap : {true, false}) {
      const Schedule schedule = lenet(ranks, overlap);
      INFO(text_of(schedule, validate(schedule)));
      REQUIRE(validate(schedule).empty());
    }
  REQUIRE(validate(shift(4)).empty());
  REQUIRE_NOTHROW(require_valid(shift(2)));
}

TEST_CASE("a missing receive and a missing send are found") {
  Schedule schedule = shift(4);
  Program& rank2 = own_program(schedule, 2);
  std::get<Exchange>(rank2.ops[0].action).recv.reset();
  requires_problem(schedule, "missing receive", "sends message 5 to rank 2, which never receives it");

  schedule = shift(4);
  std::get<Exchange>(own_program(schedule, 2).ops[0].action).send.reset();
  requires_problem(schedule, "missing send", "receives message 5 from rank 2, which never sends it");
}

TEST_CASE("sizes that differ are found") {
  Schedule schedule = shift(4);
  std::get<Exchange>(own_program(schedule, 3).ops[0].action).recv->region.slice.count = 7;
  requires_problem(schedule, "size mismatch", "sends 32 bytes in message 5 to rank 3, which expects 28");

  schedule = lenet(2);
  Program& other = own_program(schedule, 1);
  std::get<Collective>(other.ops[static_cast<std::size_t>(op_named(other, "bucket0.all_reduce"))].action).region.slice.count -= 1;
  requires_problem(schedule, "size mismatch", "all_reduce 0");
}

TEST_CASE("members of a collective must agree") {
  Schedule schedule = lenet(3);
  Program& other = own_program(schedule, 2);
  auto& collective = std::get<Collective>(other.ops[static_cast<std::size_t>(op_named(other, "bucket0.all_reduce"))].action);
  SECTION("on the number of chunks") {
    collective.chunks = 2;
    requires_problem(schedule, "collective mismatch", "by other rules");
  }
  SECTION("on taking part") {
    collective.id = 77;
    requires_problem(schedule, "collective mismatch", "in which rank 0 of its group does not");
  }
  SECTION("on the order") {
    const int later = op_named(other, "bucket1.all_reduce");
    auto& second = std::get<Collective>(other.ops[static_cast<std::size_t>(later)].action);
    std::swap(collective.id, second.id);
    std::swap(collective.region, second.region);
    requires_problem(schedule, "collective mismatch", "another order");
  }
}

TEST_CASE("a deadlock is found, with who waits for whom") {
  // Every rank first sends on stream 1, then receives on the same stream: with rendezvous nobody gets to receive.
  Schedule schedule = empty_schedule(2);
  Program& program = schedule.programs[0];
  program.ops.push_back(exchange_op("send", Message{{0, 1}, all_of(program, 0), 1}, std::nullopt, 1));
  program.ops.push_back(exchange_op("recv", std::nullopt, Message{{0, -1}, all_of(program, 1), 1}, 1));
  requires_problem(schedule, "deadlock", "waits for ever for rank 1 to receive message 1");
  program.ops[1].stream = 2;  // on a stream of its own it goes
  REQUIRE(validate(schedule).empty());
}

TEST_CASE("collectives in opposite orders on two streams are a deadlock") {
  Schedule schedule = empty_schedule(2, 8);
  Program& program = schedule.programs[0];
  program.ops.push_back(all_reduce_op({0, {0, 4}}, 0, {}, 1));
  program.ops.push_back(all_reduce_op({0, {4, 4}}, 1, {0}, 2));
  Program& other = own_program(schedule, 1);
  other.ops[0] = all_reduce_op({0, {4, 4}}, 1, {}, 2);
  other.ops[1] = all_reduce_op({0, {0, 4}}, 0, {0}, 1);
  requires_problem(schedule, "deadlock", "waits for ever in all_reduce");
}

TEST_CASE("a race between all-reduce and update is found") {
  Schedule schedule = lenet(2);
  Program& program = schedule.programs[0];
  program.ops[static_cast<std::size_t>(op_named(program, "bucket0.update"))].after.clear();
  requires_problem(schedule, "race", "bucket0.all_reduce");
}

TEST_CASE("a race from one iteration to the next is found") {
  // Stream 1 reads `a` at the end of an iteration, stream 0 writes it at the start of the next, and nothing orders the two.
  Schedule schedule = empty_schedule(1);
  Program& program = schedule.programs[0];
  program.ops.push_back(compute_op("write", {{Role::y, Access::write, all_of(program, 0)}}, {}, 0));
  program.ops.push_back(compute_op("read", {{Role::x, Access::read, all_of(program, 0)}}, {0}, 1));
  requires_problem(schedule, "race", "from one iteration to the next");
  program.ops.push_back(compute_op("wait", {}, {1}, 0));
  REQUIRE(validate(schedule).empty());
}

TEST_CASE("a gradient that is never reduced, or twice, or too early, is found") {
  Schedule schedule = lenet(2);
  Program& program = schedule.programs[0];
  const int reduce = op_named(program, "bucket0.all_reduce");
  auto& op = program.ops[static_cast<std::size_t>(reduce)];
  SECTION("never") {
    op.action = Compute{ComputeKind::forward, 0, {}, {}};
    requires_problem(schedule, "unreduced gradient", "not all of which has been all-reduced");
  }
  SECTION("all but one element") {
    std::get<Collective>(op.action).region.slice.count -= 1;
    requires_problem(schedule, "unreduced gradient", "not all of which has been all-reduced");
  }
  SECTION("twice") {
    Op again = op;
    again.name = "again";
    std::get<Collective>(again.action).id = 99;
    program.ops.push_back(again);
    requires_problem(schedule, "unreduced gradient", "both reduce");
  }
  SECTION("too early") {
    op.after = {op_named(program, "zero_gradients")};
    requires_problem(schedule, "unreduced gradient", "still changes after");
  }
}

TEST_CASE("a read before any write is found") {
  Schedule schedule = lenet(2);
  Program& program = schedule.programs[0];
  SECTION("the images are never loaded") {
    program.ops[0].action = Compute{ComputeKind::load, -1, {}, {}};
    requires_problem(schedule, "read before write", "reads images");
  }
  SECTION("gradients are added to what was never cleared") {
    program.ops[static_cast<std::size_t>(op_named(program, "zero_gradients"))].action = Compute{ComputeKind::zero, -1, {}, {}};
    requires_problem(schedule, "read before write", "reads gradients");
  }
}

TEST_CASE("structure: indices, regions, classes, algorithms") {
  Schedule schedule = lenet(2);
  Program& program = schedule.programs[0];
  SECTION("after a later op") {
    program.ops[3].after = {7};
    requires_problem(schedule, "structure", "not an earlier op");
  }
  SECTION("outside of a buffer") {
    std::get<Compute>(program.ops[0].action).operands[0].region.slice.count += 1;
    requires_problem(schedule, "structure", "uses elements");
  }
  SECTION("a buffer that does not exist") {
    std::get<Compute>(program.ops[0].action).operands[0].region.buffer = 1000;
    requires_problem(schedule, "structure", "which does not exist");
  }
  SECTION("a rank without a class") {
    schedule.class_of[1] = 3;
    requires_problem(schedule, "structure", "is of class 3");
  }
  SECTION("a world that is not the mesh") {
    schedule.class_of.push_back(0);
    requires_problem(schedule, "structure", "the mesh has 2 ranks and the schedule 3");
  }
  SECTION("an algorithm that does not exist") {
    std::get<Collective>(program.ops[static_cast<std::size_t>(op_named(program, "bucket0.all_reduce"))].action).algorithm =
        "rnig";
    requires_problem(schedule, "structure", "did you mean 'ring'");
  }
  SECTION("a message to itself") {
    Schedule self = shift(4);
    std::get<Exchange>(self.programs[0].ops[0].action).send->peer.offset = 4;
    requires_problem(self, "structure", "its own rank");
  }
}

TEST_CASE("memory beyond the device is found") {
  requires_problem(lenet(2), "memory", "the device has 1000", 1000);
  REQUIRE(validate(lenet(2), 1 << 30).empty());
}

TEST_CASE("thousands of ranks are checked per class") {
  Plan plan = make_plan("data", {.ranks = 16384, .global_batch = 3 * 16384});
  Schedule schedule = make_schedule(make_lenet5(), plan);
  REQUIRE(schedule.programs.size() == 1);
  REQUIRE(validate(schedule).empty());
  Program& other = own_program(schedule, 9999);
  std::get<Collective>(other.ops[static_cast<std::size_t>(op_named(other, "bucket0.all_reduce"))].action).chunks = 2;
  requires_problem(schedule, "collective mismatch", "by other rules");
}
