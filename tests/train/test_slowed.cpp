/// Real runs with stragglers: ops take longer by the sleep they owe, and compute the same.

#include "reference/plans/plan.h"
#include "reference/schedule/schedule.h"
#include "reference/train/slowed.h"
#include "reference/train/transport.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

void work_until(double end_s) {
  while (steady_now_s() < end_s) continue;
}

}  // namespace

TEST_CASE("a slow rank sleeps for what its ops owe") {
  const Op op{"op", 0, {}, Compute{}};
  const Schedule schedule;
  RankMemory memory;
  int calls = 0;
  const ComputeFn compute = [&](const ComputeCall&) {
    ++calls;
    work_until(steady_now_s() + 1e-3);
  };
  const ComputeFn slow = slowed(compute, {.slow = {{1, 3.0}}}, 0, steady_now_s);
  const auto time_s = [&](int rank) {
    const double start_s = steady_now_s();
    for (int i = 0; i < 10; ++i) slow({schedule, rank, i, op, std::get<Compute>(op.action), memory});
    return steady_now_s() - start_s;
  };
  REQUIRE(time_s(1) >= 0.9 * 10 * 3e-3);  // sleeping is never shorter, and ends in the portion that is still owed
  REQUIRE(time_s(0) >= 10 * 1e-3);
  REQUIRE(calls == 20);
}

TEST_CASE("on a clock that stands still nothing is slept, and without stragglers nothing is wrapped") {
  const Op op{"op", 0, {}, Compute{}};
  const Schedule schedule;
  RankMemory memory;
  int calls = 0;
  const ComputeFn compute = [&](const ComputeCall&) { ++calls; };
  const ComputeFn still = slowed(compute, {.slow = {{0, 1e6}}}, 0, [] { return 5.0; });
  for (int i = 0; i < 100; ++i) still({schedule, 0, i, op, std::get<Compute>(op.action), memory});
  REQUIRE(calls == 100);
}
