/// Blocks in an arena: apart where they must be, and in little memory.
#include <algorithm>
#include <numeric>

#include "reference/core/random.h"
#include "reference/schedule/arena.h"
#include "reference/schedule/lifetimes.h"
#include "reference/schedule/memory.h"
#include "tests/catch.h"
#include "tests/schedule/hand_made.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

/// Blocks of random sizes and times, apart where their times meet.
std::vector<ArenaBlock> random_blocks(int count, std::uint64_t seed) {
  Random random(seed);
  std::vector<ArenaBlock> blocks;
  for (int i = 0; i < count; ++i) {
    const auto first = static_cast<int>(random.below(20));
    blocks.push_back({.bytes = 64 * (1 + random.below(9)), .first = first, .last = first + static_cast<int>(random.below(8))});
  }
  for (int a = 0; a < count; ++a)
    for (int b = 0; b < count; ++b) {
      ArenaBlock& one = blocks[static_cast<std::size_t>(a)];
      const ArenaBlock& other = blocks[static_cast<std::size_t>(b)];
      if (a != b && one.first <= other.last && other.first <= one.last) one.apart.push_back(b);
    }
  return blocks;
}

/// What is needed at once, at most.
std::int64_t most_at_once(const std::vector<ArenaBlock>& blocks) {
  std::int64_t most = 0;
  for (int moment = 0; moment < 30; ++moment) {
    std::int64_t now = 0;
    for (const ArenaBlock& block : blocks) now += block.first <= moment && moment <= block.last ? block.bytes : 0;
    most = std::max(most, now);
  }
  return most;
}

void require_apart(const std::vector<ArenaBlock>& blocks, const ArenaPlan& plan) {
  for (std::size_t a = 0; a < blocks.size(); ++a) {
    REQUIRE(plan.offset_bytes[a] >= 0);
    REQUIRE(plan.offset_bytes[a] + blocks[a].bytes <= plan.total_bytes);
    for (const int other : blocks[a].apart) {
      const auto b = static_cast<std::size_t>(other);
      REQUIRE((plan.offset_bytes[a] + blocks[a].bytes <= plan.offset_bytes[b] || plan.offset_bytes[b] + blocks[b].bytes <= plan.offset_bytes[a]));
    }
  }
}

/// The least memory: some order of placing each block as low as it can be gives it.
std::int64_t least_of_all(const std::vector<ArenaBlock>& blocks) {
  std::vector<std::size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::int64_t least = 1 << 30;
  do {
    std::vector<std::int64_t> offset(blocks.size(), -1);
    std::int64_t total = 0;
    for (const std::size_t i : order) {
      std::int64_t at = 0;
      for (bool moved = true; moved;) {
        moved = false;
        for (const int other : blocks[i].apart) {
          const auto b = static_cast<std::size_t>(other);
          if (offset[b] < 0 || at >= offset[b] + blocks[b].bytes || offset[b] >= at + blocks[i].bytes) continue;
          at = offset[b] + blocks[b].bytes;
          moved = true;
        }
      }
      offset[i] = at;
      total = std::max(total, at + blocks[i].bytes);
    }
    least = std::min(least, total);
  } while (std::ranges::next_permutation(order).found);
  return least;
}

}  // namespace

TEST_CASE("few blocks take the least memory that there is") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const std::vector<ArenaBlock> blocks = random_blocks(7, seed);
    const ArenaPlan plan = place_blocks(blocks, most_at_once(blocks));
    require_apart(blocks, plan);
    CAPTURE(seed);
    REQUIRE(plan.total_bytes == least_of_all(blocks));
  }
}

TEST_CASE("many blocks take little more than what is needed at once") {
  double worst = 0, sum = 0;
  constexpr int kTrials = 20;
  for (std::uint64_t seed = 0; seed < kTrials; ++seed) {
    const std::vector<ArenaBlock> blocks = random_blocks(120, seed);
    const std::int64_t least = most_at_once(blocks);
    const ArenaPlan plan = place_blocks(blocks, least);
    require_apart(blocks, plan);
    const double more = static_cast<double>(plan.total_bytes) / static_cast<double>(least) - 1;
    worst = std::max(worst, more);
    sum += more / kTrials;
  }
  CAPTURE(worst, sum);
  REQUIRE(worst <= 0.10);
  REQUIRE(sum <= 0.05);
}

TEST_CASE("a buffer that is written whole again begins a new life, and others may lie there in between") {
  Schedule schedule = empty_schedule(1);
  Program& program = schedule.programs[0];
  program.buffers.push_back({"c", BufferKind::workspace, DType::f32, {1, 8, 1, 1}});
  const auto op = [&](const char* name, int buffer, Access access) {
    program.ops.push_back(compute_op(name, {{Role::y, access, all_of(program, buffer)}}, {}, 0));
  };
  op("write b", 1, Access::write);
  op("change b", 1, Access::update);
  op("write c", 2, Access::write);
  op("write b again", 1, Access::write);
  const auto lives = lives_of(program, ProgramOrder(program));
  REQUIRE(lives[1].size() == 2);
  REQUIRE(lives[1][0].ops == std::vector<int>{0, 1});
  REQUIRE(lives[1][1].ops == std::vector<int>{3});
  MemoryPlan plan = plan_memory(program);
  REQUIRE(plan.offset_bytes[1] == plan.offset_bytes[2]);
  std::get<Compute>(program.ops[3].action).operands[0].access = Access::update;  // what was there is still needed
  REQUIRE(lives_of(program, ProgramOrder(program))[1].size() == 1);
  plan = plan_memory(program);
  REQUIRE(plan.offset_bytes[1] != plan.offset_bytes[2]);
  std::get<Compute>(program.ops[3].action).operands[0].access = Access::write;
  program.ops[1].stream = 1;  // may still be under way when b is written again
  program.ops.push_back(compute_op("end", {}, {1}, 0));
  REQUIRE(lives_of(program, ProgramOrder(program))[1].size() == 1);
}
