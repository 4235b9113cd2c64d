/// The program that mpirun starts, once for each rank:
///   mpi_ranks all       every case that should end well
///   mpi_ranks quick     those that take little time on slow networks
///   mpi_ranks <how>     one that should not, see fail_on_purpose()
#include <cstdio>

#include "reference/exec/mpi/supervisor.h"
#include "tests/exec/mpi/ranks.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

void run_cases(MpiWorld& world, Expectations& expectations, bool all) {
  world_says_the_same_everywhere(world, expectations);
  exchanges_in_both_directions(world, expectations);
  two_axes_and_streams(world, expectations);
  hooks_poison_and_records(world, expectations);
  training_equals_threads(world, expectations);
  library_refuses_sums_of_16_bits(world, expectations);
  if (!all) return;
  collectives_are_exact(world, expectations);
  shards_may_be_uneven(world, expectations);
}

}  // namespace

int main(int argc, char** argv) {
  supervise_rank();
  MpiWorld world(&argc, &argv);
  world.set_time_out_s(20);
  const std::string what = argc > 1 ? argv[1] : "all";
  Expectations expectations(world.rank());
  try {
    if (what == "all" || what == "quick")
      run_cases(world, expectations, what == "all");
    else
      fail_on_purpose(world, what);
  } catch (const InputError& error) {
    if (world.rank() == 0) std::fprintf(stderr, "input error: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    world.abort(1);
  }
  const double failed = world.sum({static_cast<double>(expectations.failed())}).at(0);
  if (world.rank() == 0) std::printf("%d ranks, %.0f failed\n", world.size(), failed);
  return failed == 0 ? 0 : 1;
}
