/// All-reduce of 25 MiB of floats on two ranks, three ways in one run, in turn, so that a machine that is slower for a while is
/// slower for all of them:
///   MPI       MPI_Allreduce in place, between two processes
///   ours      the ring of reference/collectives, between the same two processes
///   threads   the same ring between two threads of rank 0, while rank 1 sleeps
///
///   mpirun -n 2 bench_all_reduce [rounds] [MiB]
///
/// Prints the median over rounds of each (of a round: the median of 15 repetitions, back to back) and the two ratios that matter:
/// how much faster threads are than MPI (goal: 1.5), and ours than MPI's own (goal: 0.9).
#include <mpi.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "reference/exec/mpi/run_on_mpi.h"
#include "reference/train/measure_collective.h"
#include "reference/train/statistics.h"

namespace {

using namespace convoy;

constexpr int kWarmup = 3, kRepetitions = 15;

double mpi_s(std::vector<float>& data) {
  std::vector<double> times;
  std::fill(data.begin(), data.end(), 0.0F);
  MPI_Barrier(MPI_COMM_WORLD);
  double last_s = MPI_Wtime();
  for (int i = 0; i < kWarmup + kRepetitions; ++i) {
    MPI_Allreduce(MPI_IN_PLACE, data.data(), static_cast<int>(data.size()), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    const double now_s = MPI_Wtime();
    if (i >= kWarmup) times.push_back(now_s - last_s);
    last_s = now_s;
  }
  return median(times);
}

/// As much of a Transport as measure_collective() needs.
Transport transport_of(MpiWorld& world) {
  Transport transport{.name = "mpi", .collectives = "ours", .world_size = world.size(), .ranks = {world.rank()}};
  transport.run = [&world](const Schedule& schedule, int iterations, std::vector<RankMemory>& memories, const ComputeFn& compute,
                           const RunOptions& options) {
    return run_on_mpi(world, schedule, iterations, memories.at(0), compute, {.run = options});
  };
  transport.sum = [&world](const std::vector<double>& mine) { return world.sum(mine); };
  return transport;
}

}  // namespace

int main(int argc, char** argv) {
  MpiWorld world(&argc, &argv);
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 9;
  const int mebibytes = argc > 2 ? std::atoi(argv[2]) : 25;
  if (world.size() != 2 || rounds < 1 || mebibytes < 1) {
    if (world.rank() == 0) std::fprintf(stderr, "start it as: mpirun -n 2 bench_all_reduce [rounds] [MiB]\n");
    return 2;
  }
  const CollectiveRun run{.ranks = 2, .count = std::int64_t{mebibytes} << 18, .warmup = kWarmup, .repetitions = kRepetitions};
  const Transport ours = transport_of(world);
  std::vector<float> data(static_cast<std::size_t>(run.count));
  std::vector<double> mpi, own, threads;
  for (int round = 0; round < rounds; ++round) {
    mpi.push_back(mpi_s(data));
    own.push_back(measure_collective(run, ours).time_s);
    if (world.rank() == 0) threads.push_back(measure_collective(run).time_s);
    world.sum({0.0});  // rank 1 sleeps here
  }
  if (world.rank() != 0) return 0;
  std::printf("all-reduce of %d MiB on 2 ranks, %s, median of %d rounds (and quartile range)\n", mebibytes, mpi_library().c_str(),
              rounds);
  std::printf("  MPI_Allreduce    %8.3f ms  (%.3f)\n", 1e3 * median(mpi), 1e3 * quartile_range(mpi));
  std::printf("  ours on MPI      %8.3f ms  (%.3f)   %.2f times as fast as MPI_Allreduce (goal 0.9)\n", 1e3 * median(own),
              1e3 * quartile_range(own), median(mpi) / median(own));
  std::printf("  ours on threads  %8.3f ms  (%.3f)   %.2f times as fast as MPI_Allreduce (goal 1.5)\n", 1e3 * median(threads),
              1e3 * quartile_range(threads), median(mpi) / median(threads));
  return 0;
}
