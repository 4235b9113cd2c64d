#include "reference/exec/mpi/clock.h"

#include <cstdint>
#include <limits>
#include <type_traits>

#include "reference/core/error.h"
#include "reference/exec/mpi/world_impl.h"

namespace convoy {
namespace {

// The difference of two clocks is wrong by half of the shortest round trip at most. Where ranks share cores with others a trip may
// take as long as a turn of the scheduler, so there are as many as it takes.
constexpr int kFewestPings = 12, kMostPings = 1000;
constexpr double kShortTrip_s = 100e-6;
constexpr char kPing = 1, kEnough = 0;

/// Rank 0's side: answers every ping with its clock.
void answer_pings(const MpiWorld::Impl& world, int rank) {
  for (char ping = kPing;;) {
    world.receive(rank, &ping, sizeof ping);
    if (ping == kEnough) return;
    const double now_s = steady_s();
    world.send(rank, &now_s, sizeof now_s);
  }
}

/// What has to be added to this rank's clock for rank 0's.
double difference_to_root_s(const MpiWorld::Impl& world) {
  double shortest_s = std::numeric_limits<double>::infinity(), difference_s = 0;
  for (int i = 0; i < kFewestPings || (i < kMostPings && shortest_s > kShortTrip_s); ++i) {
    double root_s = 0;
    const double sent_s = steady_s();
    world.send(0, &kPing, sizeof kPing);
    world.receive(0, &root_s, sizeof root_s);
    const double came_s = steady_s();
    if (came_s - sent_s >= shortest_s) continue;
    shortest_s = came_s - sent_s;
    difference_s = root_s - (sent_s + came_s) / 2;
  }
  world.send(0, &kEnough, sizeof kEnough);
  return difference_s;
}

/// Appends what the other ranks have of something to what rank 0 has, in the order of the ranks.
template <class T>
void gather(const MpiWorld::Impl& impl, std::vector<T>& all) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::uint64_t count = all.size();
  if (impl.rank != 0) {
    impl.send(0, &count, sizeof count);
    impl.send(0, all.data(), count * sizeof(T));
    return;
  }
  for (int r = 1; r < impl.size; ++r) {
    impl.receive(r, &count, sizeof count);
    const std::size_t mine = all.size();
    all.resize(mine + count);
    impl.receive(r, all.data() + mine, count * sizeof(T));
  }
}

}  // namespace

double agree_on_zero_s(const MpiWorld& world) {
  const MpiWorld::Impl& impl = world.impl();
  double difference_s = 0;
  if (simulated_mpi() != nullptr)
    difference_s = 0;  // all ranks read one clock
  else if (world.rank() == 0)
    for (int r = 1; r < world.size(); ++r) answer_pings(impl, r);
  else
    difference_s = difference_to_root_s(impl);
  double zero_s = steady_s();
  MPI_Request request = MPI_REQUEST_NULL;
  require_mpi(MPI_Ibcast(&zero_s, 1, MPI_DOUBLE, 0, impl.control, &request), "MPI_Ibcast");
  impl.wait(request, "rank 0 to begin");
  return zero_s - difference_s;
}

void gather_at_root(const MpiWorld& world, Timeline& timeline) {
  gather(world.impl(), timeline.intervals);
  gather(world.impl(), timeline.pushes);
}

}  // namespace convoy
