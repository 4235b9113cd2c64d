/// The executor on threads: exact collectives, rendezvous messages, lifetimes, and ends that come when something breaks.
#include <atomic>
#include <numeric>

#include "reference/exec/exec.h"
#include "reference/plans/plan.h"
#include "tests/catch.h"
#include "tests/exec/collective_cases.h"
#include "tests/schedule/hand_made.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

const ComputeFn kNothing = [](const ComputeCall&) {};

template <class T>
void run_and_check(const CollectiveAlgorithm& algorithm, int ranks, const std::vector<int>& counts, int chunks, int channels = 1,
                   int ranks_per_node = 0) {
  const Schedule schedule =
      collectives_of(algorithm, ranks, counts, chunks, sizeof(T) == 4 ? DType::f32 : DType::f64, channels, ranks_per_node);
  std::vector<RankMemory> memories(static_cast<std::size_t>(ranks));
  for (int r = 0; r < ranks; ++r) fill_for_collectives<T>(memories[static_cast<std::size_t>(r)], schedule, r, counts);
  const Timeline timeline = run_on_threads(schedule, 1, memories, kNothing);
  REQUIRE(check_timeline(schedule, 1, timeline).empty());
  for (int r = 0; r < ranks; ++r) {
    CAPTURE(to_string(algorithm.kind), algorithm.name, ranks, chunks, channels, r);
    REQUIRE(wrong_elements<T>(memories[static_cast<std::size_t>(r)], schedule, r) == 0);
  }
}

}  // namespace

TEST_CASE("every collective is exact on threads for 1 to 17 ranks and 0 to 40 elements") {
  std::vector<int> counts(41);
  std::iota(counts.begin(), counts.end(), 0);
  for (const CollectiveAlgorithm& algorithm : collective_algorithms())
    for (int ranks = 1; ranks <= 17; ++ranks) run_and_check<float>(algorithm, ranks, counts, 1);
}

TEST_CASE("chunks and double precision are exact too") {
  for (const CollectiveAlgorithm& algorithm : collective_algorithms())
    for (const int ranks : {2, 3, 6}) run_and_check<double>(algorithm, ranks, {1, 13, 40}, 3);
}

TEST_CASE("several channels and nodes are exact on threads") {
  for (const CollectiveAlgorithm& algorithm : collective_algorithms())
    for (const int ranks : {2, 5, 6, 8})
      for (const int channels : {2, 3}) run_and_check<float>(algorithm, ranks, {0, ranks, 41, 48, 30 * ranks}, 2, channels, 2);
}

TEST_CASE("messages go around, iteration after iteration, without a barrier") {
  // Every rank sends a, receives b, then adds 1 to what it received and makes it its a.
  Schedule schedule = empty_schedule(3, 4);
  Program& program = schedule.programs[0];
  program.ops.push_back(exchange_op("shift", Message{{0, 1}, all_of(program, 0), 1}, Message{{0, -1}, all_of(program, 1), 1}, 1));
  program.ops.push_back(
      compute_op("take", {{Role::x, Access::read, all_of(program, 1)}, {Role::y, Access::write, all_of(program, 0)}}, {0}, 1));
  std::vector<RankMemory> memories(3);
  for (int r = 0; r < 3; ++r) {
    memories[static_cast<std::size_t>(r)].bind(program);
    for (float& x : memories[static_cast<std::size_t>(r)].persistent<float>("a")) x = static_cast<float>(10 * r);
  }
  const ComputeFn take = [](const ComputeCall& call) {
    const float* from = call.memory.at<float>(call.compute.operands[0].region);
    float* to = call.memory.at<float>(call.compute.operands[1].region);
    for (int i = 0; i < 4; ++i) to[i] = from[i] + 1;
  };
  RunOptions options;
  options.poison = true;
  const Timeline timeline = run_on_threads(schedule, 7, memories, take, options);
  REQUIRE(check_timeline(schedule, 7, timeline).empty());
  for (int r = 0; r < 3; ++r)
    for (const float x : memories[static_cast<std::size_t>(r)].persistent<float>("a"))
      REQUIRE(x == static_cast<float>(10 * ((r + 3 - 7 % 3) % 3) + 7));
}

TEST_CASE("poison reaches whoever reads what is no longer alive") {
  Schedule schedule = empty_schedule(1, 4);
  Program& program = schedule.programs[0];
  program.ops.push_back(compute_op("write b", {{Role::y, Access::write, all_of(program, 1)}}));
  program.ops.push_back(compute_op("read b", {{Role::x, Access::read, all_of(program, 1)}}));
  program.ops.push_back(compute_op("peek", {}));  // reads b without saying so
  std::vector<RankMemory> memories(1);
  float seen = 0;
  const ComputeFn compute = [&](const ComputeCall& call) {
    float* b = call.memory.at<float>({1, {0, 4}});
    if (call.op.name == "write b") std::fill_n(b, 4, 5.0F);
    if (call.op.name == "peek") seen = b[2];
  };
  run_on_threads(schedule, 1, memories, compute);
  REQUIRE(seen == 5.0F);
  RunOptions options;
  options.poison = true;
  run_on_threads(schedule, 1, memories, compute, options);
  REQUIRE(std::isnan(seen));
}

TEST_CASE("a rank that fails ends the run, with its name") {
  Schedule schedule = empty_schedule(3, 8);
  Program& program = schedule.programs[0];
  program.ops.push_back(compute_op("work", {{Role::y, Access::update, all_of(program, 0)}}));
  program.ops.push_back(all_reduce_op(all_of(program, 0), 0, {0}));
  program.ops.push_back(compute_op("use", {{Role::x, Access::read, all_of(program, 0)}}, {1}));
  std::vector<RankMemory> memories(3);
  const ComputeFn fails = [](const ComputeCall& call) {
    if (call.rank == 1 && call.iteration == 2 && call.op.name == "work") throw std::runtime_error("out of luck");
  };
  try {
    run_on_threads(schedule, 5, memories, fails, {.time_out_s = 86400});  // nobody waits for as long
    FAIL("ran to its end");
  } catch (const std::runtime_error& error) {
    REQUIRE(std::string(error.what()) == "rank 1, iteration 2, op 0 (work): out of luck");
  }
}

TEST_CASE("a message that does not come is an error with rank, op and peer") {
  Schedule schedule = empty_schedule(2);
  Program& program = schedule.programs[0];
  program.ops.push_back(exchange_op("shift", Message{{0, 1}, all_of(program, 0), 1}, Message{{0, -1}, all_of(program, 1), 1}, 1));
  own_program(schedule, 1).ops.clear();
  std::vector<RankMemory> memories(2);
  RunOptions options;
  REQUIRE_THROWS_AS(run_on_threads(schedule, 1, memories, kNothing, options), std::invalid_argument);  // refused before it starts
  options.check = false;
  options.time_out_s = 0.2;
  try {
    run_on_threads(schedule, 1, memories, kNothing, options);
    FAIL("ran to its end");
  } catch (const std::runtime_error& error) {
    REQUIRE(std::string(error.what()).find("rank 0, iteration 0, op 0 (shift): waited 0.2 s for rank 1 to send") !=
            std::string::npos);
  }
}

TEST_CASE("hooks are called for every stream and step") {
  Schedule schedule = empty_schedule(2, 4);
  Program& program = schedule.programs[0];
  program.ops.push_back(compute_op("work", {{Role::y, Access::update, all_of(program, 0)}}));
  program.ops.push_back(all_reduce_op(all_of(program, 0), 0, {0}));
  program.ops.push_back(compute_op("use", {{Role::x, Access::read, all_of(program, 0)}}, {1}));
  std::vector<RankMemory> memories(2);
  std::atomic<int> threads = 0;
  std::atomic<int> steps = 0;
  RunOptions options;
  options.on_thread_start = [&](int, int) { ++threads; };
  options.on_step_end = [&](int, int) { ++steps; };
  options.record = false;
  const Timeline timeline = run_on_threads(schedule, 6, memories, kNothing, options);
  REQUIRE(threads == 4);
  REQUIRE(steps == 12);
  REQUIRE(timeline.intervals.empty());
}

TEST_CASE("a rank allocates what the memory plan says") {
  Schedule schedule = empty_schedule(1, 100);
  Program& program = schedule.programs[0];
  program.buffers.push_back({"c", BufferKind::workspace, DType::f64, {1, 1000, 1, 1}});
  program.ops.push_back(
      compute_op("use", {{Role::y, Access::write, all_of(program, 1)}, {Role::dy, Access::write, all_of(program, 2)}}));
  RankMemory memory;
  memory.bind(program);
  REQUIRE(plan_memory(program).total_bytes == 448 + 448 + 8000);  // 100 floats, on cache lines of 64 bytes; 1,000 doubles
  REQUIRE(memory.allocated_bytes() == 400 + 448 + 8000);          // the last persistent buffer is not rounded up
}

TEST_CASE("several schedules can share weights but not their size") {
  Schedule schedule = empty_schedule(1, 4);
  RankMemory memory;
  memory.bind(schedule.programs[0]);
  memory.persistent<float>("a")[2] = 7;
  Schedule other = empty_schedule(1, 4);
  other.programs[0].buffers.push_back({"c", BufferKind::workspace, DType::f64, {1, 1000, 1, 1}});
  memory.bind(other.programs[0]);
  REQUIRE(memory.persistent<float>("a")[2] == 7);
  REQUIRE_THROWS_AS(memory.bind(empty_schedule(1, 5).programs[0]), std::invalid_argument);
  REQUIRE_THROWS_AS((void)memory.persistent<float>("none"), std::invalid_argument);
  REQUIRE_THROWS_AS((void)memory.at<double>({0, {0, 1}}), std::invalid_argument);
}
