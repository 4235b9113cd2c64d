/// What validate() and plan_memory() find out without going through all pairs of touches and lives, against all pairs.
#include <random>
#include <set>

#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/checks.h"
#include "reference/schedule/lifetimes.h"
#include "tests/catch.h"
#include "tests/schedule/hand_made.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

constexpr int kCount = 8;

/// Ops on three streams that touch some of four buffers, most of them behind the op before; `loose` of 100 are not.
Program random_program(std::uint32_t seed, int loose) {
  std::mt19937 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<std::uint32_t>(n)); };
  Program program;
  for (const char* name : {"a", "b", "c", "d"})
    program.buffers.push_back({name, BufferKind::workspace, DType::f32, {1, kCount, 1, 1}});
  const int ops = 6 + below(10);
  for (int op = 0; op < ops; ++op) {
    std::vector<Operand> operands;
    for (int i = below(3); i >= 0; --i) {
      const int begin = below(2) == 0 ? 0 : below(kCount), end = begin == 0 && below(3) > 0 ? kCount : begin + below(kCount - begin + 1);
      operands.push_back({Role::x, static_cast<Access>(below(3)), {below(4), {begin, end - begin}}});
    }
    std::vector<int> after;
    if (op > 0 && below(100) >= loose) after.push_back(op - 1);
    if (op > 1 && below(4) == 0) after.push_back(below(op - 1));
    program.ops.push_back(compute_op(std::to_string(op), operands, after, below(3)));
  }
  if (below(100) >= loose)  // the next iteration begins behind all of this one
    for (int stream = 0; stream < 3; ++stream) {
      std::vector<int> all;
      for (int op = 0; op < static_cast<int>(program.ops.size()); ++op) all.push_back(op);
      program.ops.push_back(compute_op("end", {}, all, stream));
    }
  return program;
}

using Pairs = std::set<std::pair<int, int>>;

Pairs races_of_all_pairs(const ProgramOrder& order, const Touches& touches) {
  Pairs races;
  for (const std::vector<Touch>& of_buffer : touches)
    for (const Touch& one : of_buffer)
      for (const Touch& two : of_buffer) {
        if (!(one.write || two.write) || one.slice.count == 0 || two.slice.count == 0 || !overlap(one.slice, two.slice)) continue;
        const bool ordered = one.op == two.op || order.before(one.op, two.op) || order.before(two.op, one.op);
        if (!ordered || !order.before(one.op, two.op, true) || !order.before(two.op, one.op, true))
          races.insert(std::minmax(one.op, two.op));
      }
  return races;
}

std::set<int> unwritten_of_all_pairs(const ProgramOrder& order, const Touches& touches) {
  std::set<int> ops;
  for (const std::vector<Touch>& of_buffer : touches)
    for (const Touch& read : of_buffer) {
      std::vector<Slice> written;
      for (const Touch& write : of_buffer)
        if (write.write && !read.write && order.before(write.op, read.op)) written.push_back(write.slice);
      if (!read.write && !covers(written, read.slice)) ops.insert(read.op);
    }
  return ops;
}

/// Whether of each life of one and each of the other, one is over before the other begins, in every iteration.
bool may_share_by_pairs(const std::vector<Life>& a, const std::vector<Life>& b) {
  for (const Life& one : a)
    for (const Life& other : b)
      if (!may_share(std::vector{one}, std::vector{other})) return false;
  return true;
}

}  // namespace

TEST_CASE("races and reads before writes are those of all pairs of touches") {
  Schedule schedule = empty_schedule(1);
  int with_races = 0, without = 0, unwritten = 0;
  for (std::uint32_t seed = 1; seed <= 1500; ++seed) {
    const Program program = random_program(seed, static_cast<int>(seed % 3) * 12);
    const ProgramOrder order(program);
    const Touches touches = touches_of(schedule, program, 0);
    Problems races, reads;
    check_races(program, 0, order, touches, races);
    check_data(program, 0, order, touches, reads);
    Pairs found;
    for (const Problem& race : races) {
      const std::string number = race.sentence.substr(std::string("and op ").size());
      found.insert({std::stoi(number), race.op});
    }
    std::set<int> found_reads;
    for (const Problem& read : reads) found_reads.insert(read.op);
    CAPTURE(seed);
    REQUIRE(found == races_of_all_pairs(order, touches));
    REQUIRE(found_reads == unwritten_of_all_pairs(order, touches));
    (found.empty() ? without : with_races) += 1;
    unwritten += static_cast<int>(found_reads.size());
  }
  REQUIRE(with_races > 200);
  REQUIRE(without > 200);
  REQUIRE(unwritten > 1000);
}

TEST_CASE("two buffers may share memory when every two of their lives may") {
  int share = 0, apart = 0;
  const auto compare = [&](const Program& program) {
    const ProgramOrder order(program);
    Problems races;
    check_races(program, 0, order, touches_of(empty_schedule(1), program, 0), races);
    if (!races.empty()) return;
    const std::vector<std::vector<Life>> lives = lives_of(program, order);
    for (std::size_t a = 0; a < lives.size(); ++a)
      for (std::size_t b = 0; b < a; ++b) {
        const bool may = may_share_by_pairs(lives[a], lives[b]);
        CAPTURE(program.buffers[a].name, program.buffers[b].name);
        REQUIRE(may_share(lives[a], lives[b]) == may);
        ++(may ? share : apart);
      }
  };
  for (std::uint32_t seed = 1; seed <= 1500; ++seed) compare(random_program(seed, static_cast<int>(seed % 3) * 6));
  REQUIRE(share > 100);
  REQUIRE(apart > 1000);
  share = apart = 0;
  Plan local = make_plan("local_sgd", {.ranks = 1, .global_batch = 4, .local = {.steps = 4}});
  compare(make_schedule(make_lenet5(), local).programs[0]);
  Plan pipeline = make_plan("pipeline", {.ranks = 2, .global_batch = 8});
  pipeline.pipeline.micro_batches = 4;
  for (const Program& program : make_schedule(make_lenet5(), pipeline).programs) compare(program);
  REQUIRE(share > 100);
  REQUIRE(apart > 100);
}
