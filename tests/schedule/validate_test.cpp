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
  requires_problem(schedule, "size mismatch", "all_reduce 1000");
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
    requires_problem(schedule, "unreduced gradient", "not all of which has been reduced over axis 'data'");
  }
  SECTION("all but one element") {
    std::get<Collective>(op.action).region.slice.count -= 1;
    requires_problem(schedule, "unreduced gradient", "not all of which has been reduced over axis 'data'");
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

namespace {

/// Two axes: filters divided on one, images on the other. Gradients are summed over the second only.
Schedule filters_and_data() {
  Plan plan{.name = "two",
            .mesh = {{{"filters", 2}, {"data", 2}}},
            .global_batch = 8,
            .batch_axis = 1,
            .strategies = {"filter", "data"}};
  plan.bucket_bytes = 64 * 1024;
  return make_schedule(make_lenet5(), plan);
}

Schedule sixteen_bits() {
  Plan plan = make_plan("data", {.ranks = 2, .global_batch = 8});
  plan.bucket_bytes = 64 * 1024;
  plan.gradient_dtype = DType::f16;
  return make_schedule(make_lenet5(), plan);
}

/// Makes the same change to the op of this name in every program.
template <class Edit>
void edit(Schedule& schedule, const std::string& name, const Edit& change) {
  for (Program& program : schedule.programs) change(program, program.ops[static_cast<std::size_t>(op_named(program, name))]);
}

}  // namespace

TEST_CASE("a gradient is summed over the axes that its update names, and over no other") {
  Schedule schedule = filters_and_data();
  REQUIRE(validate(schedule).empty());
  SECTION("not over the one that it must be") {
    edit(schedule, "bucket0.all_reduce", [](Program&, Op& op) { op.action = Compute{ComputeKind::join, -1, {}, {}}; });
    requires_problem(schedule, "unreduced gradient", "not all of which has been reduced over axis 'data'");
  }
  SECTION("over the other one") {
    edit(schedule, "bucket0.all_reduce", [](Program&, Op& op) { std::get<Collective>(op.action).axis = 0; });
    requires_problem(schedule, "unreduced gradient", "sums over axis 'filters', where every rank has the whole of it");
    requires_problem(schedule, "unreduced gradient", "not all of which has been reduced over axis 'data'");
  }
  SECTION("over an axis that it does not name") {
    edit(schedule, "bucket0.update", [](Program&, Op& op) { std::get<Compute>(op.action).summed_over = {}; });
    requires_problem(schedule, "unreduced gradient", "does not claim to be summed over axis 'data', which divides the batch");
  }
  SECTION("at another rank only") {
    edit(schedule, "bucket0.all_reduce", [](Program&, Op& op) {
      auto& collective = std::get<Collective>(op.action);
      collective.kind = CollectiveKind::reduce;
      collective.algorithm = "binomial";
      collective.root = 1;
    });
    requires_problem(schedule, "unreduced gradient", "sums at another rank");
  }
}

TEST_CASE("16-bit copies of gradients are summed between the conversions") {
  Schedule schedule = sixteen_bits();
  REQUIRE(validate(schedule).empty());
  Program& program = schedule.programs[0];
  const auto op = [&](const char* name) -> Op& { return program.ops[static_cast<std::size_t>(op_named(program, name))]; };
  SECTION("brought back before they are summed") {
    op("bucket0.convert_back").after = {op_named(program, "bucket0.convert")};
    requires_problem(schedule, "unreduced gradient", "brings back before");
  }
  SECTION("never summed") {
    op("bucket0.all_reduce").action = Compute{ComputeKind::join, -1, {}, {}};
    requires_problem(schedule, "unreduced gradient", "not all of which has been reduced over axis 'data'");
  }
  SECTION("never brought back") {
    op("bucket0.convert_back").action = Compute{ComputeKind::join, -1, {}, {}};
    requires_problem(schedule, "unreduced gradient", "not all of which has been reduced over axis 'data'");
  }
  SECTION("copied before the gradients were complete") {
    const int convert = op_named(program, "bucket0.convert");
    std::swap(program.ops[static_cast<std::size_t>(convert)].action, op("zero_gradients").action);
    requires_problem(schedule, "unreduced gradient", "still changes after");
  }
}

TEST_CASE("boxes fit their regions, and a copy finds all that it writes") {
  Plan plan = make_plan("filter", {.ranks = 2, .global_batch = 4});
  Schedule schedule = make_schedule(make_lenet5(), plan);
  REQUIRE(validate(schedule).empty());
  Program& program = schedule.programs[0];
  SECTION("a box of another size than its region") {
    auto& compute = std::get<Compute>(program.ops[static_cast<std::size_t>(op_named(program, "conv1.forward"))].action);
    compute.operands[0].box.h.count -= 1;
    requires_problem(schedule, "structure", "elements and a box of");
  }
  SECTION("a copy of what is nowhere") {
    auto& compute = std::get<Compute>(program.ops[static_cast<std::size_t>(op_named(program, "conv2.x.unpack"))].action);
    REQUIRE(compute.kind == ComputeKind::copy);
    std::erase_if(compute.operands, [&](const Operand& x) { return &x == &compute.operands.front(); });
    requires_problem(schedule, "structure", "elements of y");
  }
}

TEST_CASE("bounds of a collective divide its region among its group") {
  Schedule schedule = make_schedule(make_lenet5(), make_plan("filter", {.ranks = 4, .global_batch = 4}));
  REQUIRE(validate(schedule).empty());
  const auto with_bounds = [&](std::vector<std::int64_t> bounds) {
    Schedule broken = schedule;
    edit(broken, "loss.x.all_gather", [&](Program&, Op& op) { std::get<Collective>(op.action).bounds = bounds; });
    return broken;
  };
  const std::int64_t count = [&] {
    const Program& program = schedule.programs[0];
    return std::get<Collective>(program.ops[static_cast<std::size_t>(op_named(program, "loss.x.all_gather"))].action)
        .region.slice.count;
  }();
  for (const std::vector<std::int64_t>& wrong : std::vector<std::vector<std::int64_t>>{
           {0, 4, count}, {0, 8, 4, 12, count}, {1, 4, 8, 12, count}, {0, 4, 8, 12, count + 1}, {0, 4, 8, 12, count - 1}})
    requires_problem(with_bounds(wrong), "structure", "bounds that do not divide");
  Schedule other = schedule;
  std::get<Collective>(other.programs[1].ops[static_cast<std::size_t>(op_named(other.programs[1], "loss.x.all_gather"))].action)
      .bounds = {0, 4, 8, 12, count};
  requires_problem(other, "collective mismatch", "bounds");
}

TEST_CASE("a gather reads its own shard, which must have been written") {
  Schedule schedule = make_schedule(make_lenet5(), make_plan("filter", {.ranks = 2, .global_batch = 4}));
  edit(schedule, "conv2.x.pack", [](Program&, Op& op) { op.action = Compute{ComputeKind::join, -1, {}, {}}; });
  requires_problem(schedule, "read before write", "conv2.x");
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

TEST_CASE("classes of ranks that wait for each other stand still, among thousands too") {
  constexpr int kRanks = 30'000;
  const auto op = [](int id, std::vector<int> after) {
    return Op{.name = "sum" + std::to_string(id),
              .stream = 1 + id,
              .after = std::move(after),
              .action = Collective{.kind = CollectiveKind::all_reduce, .id = id, .region = {id, {0, 4}}}};
  };
  Program first{.batch = 1, .buffers = {}, .ops = {op(0, {}), op(1, {0})}};
  for (const char* name : {"weights", "momentum"})  // what is there from the step before
    first.buffers.push_back({.name = name, .kind = BufferKind::weights, .shape = {1, 4, 1, 1}});
  Program second = first;
  Schedule schedule{.global_batch = kRanks, .mesh = {{{"data", kRanks}}}, .class_of = std::vector<int>(kRanks, 0)};
  for (int rank = 1; rank < kRanks; rank += 2) schedule.class_of[static_cast<std::size_t>(rank)] = 1;
  schedule.programs = {first, second};
  REQUIRE(validate(schedule).empty());
  schedule.programs[1].ops = {op(1, {}), op(0, {0})};  // sum1 before sum0, each on a stream of its own
  requires_problem(schedule, "deadlock", "waits for ever in all_reduce");
}
