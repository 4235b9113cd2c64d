// SMPI, SimGrid's own implementation of MPI, as an independent oracle: its collectives, run with its point-to-point code on a
// platform built here, against ours of the same idea: `smpi/allreduce:lr` is the ring, `rdb` recursive doubling, and so on.
//
// Tolerance: 20 ns + 2 ns a rank. SMPI's ranks do not start at the same instant, and its small control actions take nanoseconds.
// Measured on 64 KiB: SMPI takes 11 ns longer with 2 ranks, 14 with 4, 19 with 8 and 29 with 16.
#include <smpi/mpi.h>
#include <smpi/smpi.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "reference/core/error.h"
#include "simulator/engine/in_child.h"
#include "simulator/engine/simgrid_shim.h"
#include "simulator/engine/simulate.h"
#include "tests/catch.h"
#include "tests/engine/schedules.h"

// Exported by the library, not declared in its headers: makes the choice of smpi/allreduce count without smpirun.
namespace simgrid::smpi::colls {
void set_collectives();
}

using namespace convoy;
using namespace convoy::testing;

namespace {

constexpr double kLatency_s = 1 * us;
constexpr double kBandwidth = 25 * GB;

/// n hosts around a switch, with one link each way.
std::vector<sg::s4u::Host*> build_platform(sg::s4u::Engine& engine, int n) {
  sg::s4u::NetZone* star = sg::add_star(engine, "smpi");
  std::vector<sg::s4u::Host*> hosts;
  for (int r = 0; r < n; ++r) {
    hosts.push_back(sg::add_host(*star, cat("host", r), 1e9));
    sg::s4u::Link* up = sg::add_link(*star, cat("up", r), kBandwidth);
    sg::s4u::Link* down = sg::add_link(*star, cat("down", r), kBandwidth);
    up->set_latency(kLatency_s / 2);
    down->set_latency(kLatency_s / 2);
    sg::add_route_up(*star, hosts.back(), {sg::s4u::LinkInRoute(up)});
    sg::add_route_down(*star, hosts.back(), {sg::s4u::LinkInRoute(down)});
  }
  sg::seal(engine, *star);
  return hosts;
}

/// What rank r has at element i before a collective: sums of it are exact.
float value_of(int r, std::int64_t i) { return static_cast<float>(i % 1000 + r); }

/// What rank r must have at element i when a collective of `count` elements in all is over.
float expected(CollectiveKind kind, int n, int count, int r, int i) {
  switch (kind) {
    case CollectiveKind::all_reduce:
    case CollectiveKind::reduce: return static_cast<float>(n * (i % 1000) + n * (n - 1) / 2);
    case CollectiveKind::reduce_scatter: return static_cast<float>(n * ((i + r * (count / n)) % 1000) + n * (n - 1) / 2);
    case CollectiveKind::all_gather: return value_of(i / (count / n), i % (count / n));
    case CollectiveKind::broadcast: return value_of(0, i);
    case CollectiveKind::all_to_all: return value_of(i / (count / n), r * (count / n) + i % (count / n));
  }
  return NAN;
}

/// Lets SMPI's library do the collective for this rank; `all`: n shards, the whole buffer.
void call_mpi(CollectiveKind kind, int n, std::vector<float>& mine, std::vector<float>& result) {
  const int count = static_cast<int>(mine.size());
  const std::vector<int> shards(static_cast<std::size_t>(n), count / n);
  switch (kind) {
    case CollectiveKind::all_reduce: MPI_Allreduce(mine.data(), result.data(), count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD); break;
    case CollectiveKind::reduce: MPI_Reduce(mine.data(), result.data(), count, MPI_FLOAT, MPI_SUM, 0, MPI_COMM_WORLD); break;
    case CollectiveKind::reduce_scatter:
      MPI_Reduce_scatter(mine.data(), result.data(), shards.data(), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
      break;
    case CollectiveKind::all_gather:
      MPI_Allgather(mine.data(), count / n, MPI_FLOAT, result.data(), count / n, MPI_FLOAT, MPI_COMM_WORLD);
      break;
    case CollectiveKind::broadcast:
      result = mine;
      MPI_Bcast(result.data(), count, MPI_FLOAT, 0, MPI_COMM_WORLD);
      break;
    case CollectiveKind::all_to_all:
      MPI_Alltoall(mine.data(), count / n, MPI_FLOAT, result.data(), count / n, MPI_FLOAT, MPI_COMM_WORLD);
      break;
  }
}

/// One of SMPI's algorithms, and ours of the same idea.
struct Same {
  const char* setting;  ///< "smpi/allreduce:lr"
  CollectiveKind kind;
  const char* ours;
  std::vector<int> ranks;
  std::vector<int> bytes;  ///< of the whole buffer
};

/// Runs SMPI's collective in this process, which cannot run another. Returns its simulated time; NaN when a result is wrong.
double smpi_s(const Same& same, int n, int count) {
  smpi_init_options();
  const auto engine = sg::make_engine({"smpi/simulate-computation:no",
                                       // Whoever sends waits until it has been received, as in our rounds.
                                       "smpi/async-small-thresh:0", "smpi/send-is-detached-thresh:0"});
  const std::vector<sg::s4u::Host*> hosts = build_platform(*engine, n);
  SMPI_init();
  sg::s4u::Engine::set_config(same.setting);
  simgrid::smpi::colls::set_collectives();
  SMPI_app_instance_register("collective", nullptr, n);
  double begin_s = HUGE_VAL;
  double end_s = 0;
  bool right = true;
  for (int r = 0; r < n; ++r) {
    const auto actor = sg::s4u::Actor::init(cat("collective#", r), hosts[static_cast<std::size_t>(r)]);
    actor->set_property("instance_id", "collective");
    actor->set_property("rank", std::to_string(r));
    actor->start([&, r] {
      MPI_Init(nullptr, nullptr);
      std::vector<float> mine(static_cast<std::size_t>(count));
      std::vector<float> result(mine.size(), NAN);
      for (std::size_t i = 0; i < mine.size(); ++i) mine[i] = value_of(r, static_cast<std::int64_t>(i));
      begin_s = std::min(begin_s, MPI_Wtime());
      call_mpi(same.kind, n, mine, result);
      end_s = std::max(end_s, MPI_Wtime());
      int defined = same.kind == CollectiveKind::reduce_scatter ? count / n : count;
      if (same.kind == CollectiveKind::reduce && r != 0) defined = 0;
      for (int i = 0; i < defined; ++i)
        right = right && result[static_cast<std::size_t>(i)] == expected(same.kind, n, count, r, i);
      MPI_Finalize();
    });
  }
  engine->run();
  SMPI_finalize();
  return right ? end_s - begin_s : NAN;
}

void check_against_smpi(const Same& same) {
  const Cluster cluster = load_cluster("ring-test");  // the same latency and bandwidth
  REQUIRE(cluster.link(0, 1).latency_s == kLatency_s);
  REQUIRE(cluster.link(0, 1).bandwidth_bytes_per_s == kBandwidth);
  for (const int n : same.ranks)
    for (const int bytes : same.bytes) {
      CAPTURE(same.setting, n, bytes);
      const int count = bytes / 4 / n * n;
      const double theirs_s = std::stod(in_child([&] {
        std::array<char, 64> text{};
        std::snprintf(text.data(), text.size(), "%.17g", smpi_s(same, n, count));
        return std::string(text.data());
      }));
      const Schedule schedule = collective_schedule(n, count, same.kind, same.ours);
      const double ours_s = end_of(simulate(schedule, 1, cluster, free_compute()));
      CAPTURE(theirs_s, ours_s);
      CHECK(std::abs(theirs_s - ours_s) <= 20 * ns + 2 * ns * n);
    }
}

}  // namespace

TEST_CASE("SMPI's all-reduces take as long as ours") {
  using enum CollectiveKind;
  for (const Same& same : std::vector<Same>{
           {"smpi/allreduce:lr", all_reduce, "ring", {2, 4, 8, 16}, {64 << 10, 1 << 20, 4 << 20}},
           {"smpi/allreduce:rdb", all_reduce, "recursive_doubling", {2, 6, 8, 16}, {64 << 10, 1 << 20}},
           {"smpi/allreduce:rab_rdb", all_reduce, "halving_doubling", {2, 6, 8, 16}, {64 << 10, 1 << 20}}})
    check_against_smpi(same);
}

TEST_CASE("SMPI's other collectives take as long as ours") {
  // Left out is `bcast:flattree`, whose root has all its messages under way at the same time: it waits for one latency instead of n-1.
  using enum CollectiveKind;
  for (const Same& same : std::vector<Same>{
           {"smpi/allgather:ring", all_gather, "ring", {2, 5, 8}, {64 << 10, 1 << 20}},
           {"smpi/allgather:rdb", all_gather, "recursive_doubling", {2, 8, 16}, {64 << 10, 1 << 20}},
           {"smpi/allgather:ompi_neighborexchange", all_gather, "neighbour_exchange", {2, 6, 8}, {64 << 10, 1 << 20}},
           {"smpi/reduce_scatter:ompi_ring", reduce_scatter, "ring", {2, 5, 8}, {64 << 10, 1 << 20}},
           {"smpi/reduce_scatter:ompi_basic_recursivehalving", reduce_scatter, "recursive_halving", {2, 8, 16}, {64 << 10, 1 << 20}},
           {"smpi/bcast:binomial_tree", broadcast, "binomial", {2, 5, 8, 16}, {64 << 10, 1 << 20}},
           {"smpi/bcast:scatter_LR_allgather", broadcast, "scatter_all_gather", {2, 8, 16}, {64 << 10, 1 << 20}},
           {"smpi/reduce:binomial", reduce, "binomial", {2, 5, 8, 16}, {64 << 10, 1 << 20}},
           {"smpi/reduce:flat_tree", reduce, "linear", {2, 5, 8}, {64 << 10, 1 << 20}},
           {"smpi/alltoall:pair", all_to_all, "pairwise", {2, 8, 16}, {64 << 10, 1 << 20}}})
    check_against_smpi(same);
}
