#include "simulator/validate/simulated.h"

#include <algorithm>
#include <cstdint>

#include "reference/core/units.h"
#include "reference/schedule/one_collective.h"
#include "simulator/cost/cost.h"
#include "simulator/cost/host_adding.h"
#include "simulator/cost/nccl.h"
#include "simulator/engine/simulate.h"
#include "simulator/validate/cells.h"

namespace convoy {
namespace {

/// What is left when the latency of a large message is taken away.
LinkModel message_link(Library library, bool between, const GpuWiring& wiring) {
  constexpr double kLarge = 1 * GB;
  const double latency_s = message_time_s(library, 0, between, 1, wiring);
  return {latency_s, kLarge / (message_time_s(library, kLarge, between, 1, wiring) - latency_s)};
}

Schedule schedule_of(const SimulatedCollective& what, int channels) {
  const auto count = std::max<std::int64_t>(1, static_cast<std::int64_t>(what.bytes / size_bytes(DType::f32)));
  return schedule_of_collective({.kind = what.kind,
                                 .algorithm = what.kind == CollectiveKind::broadcast ? "scatter_all_gather" : "ring",
                                 .axis = 0,
                                 .id = 0,
                                 .root = 0,
                                 .chunks = 1,
                                 .region = {.buffer = 0, .slice = {0, count}},
                                 .channels = channels,
                                 .ranks_per_node = what.placing.ranks_per_node},
                                what.placing.ranks(), what.jobs);
}

}  // namespace

Cluster cluster_of(const Placing& placing, Library library, const GpuWiring& wiring) {
  Cluster cluster;
  cluster.name = "published";
  cluster.nodes = placing.nodes;
  cluster.devices_per_node = placing.ranks_per_node;
  const bool nccl = library == Library::nccl;
  if (placing.ranks_per_node > 1)
    cluster.node_link = nccl ? LinkModel{nccl_hop_s(wiring, placing, false), ring_bytes_per_s(wiring, placing.ranks_per_node)}
                             : message_link(library, false, wiring);
  if (placing.nodes > 1) {
    cluster.nics_per_node = std::max(1, wiring.nics);
    cluster.nic = nccl ? LinkModel{nccl_hop_s(wiring, placing, true), nic_data_bytes_per_s(wiring, true)}
                       : message_link(library, true, wiring);
  }
  return cluster;
}

double simulated_collective_s(const SimulatedCollective& what, const GpuWiring& wiring, Fidelity fidelity) {
  if (what.kind == CollectiveKind::all_to_all || what.kind == CollectiveKind::reduce) throw NotDone("no ring of that kind");
  const double start_s = what.library == Library::nccl ? library_time(what.library, what.kind, 0, {1, 1}, wiring).time_s : 0.0;
  if (what.placing.ranks() == 1) return start_s;
  Placing all = what.placing;
  all.ranks_per_node *= what.jobs;
  // As many rings as NICs, each leaving the nodes by another.
  const int channels = what.placing.nodes > 1 ? std::clamp(wiring.nics, 1, what.placing.ranks_per_node) : 1;
  CostModel cost = free_compute();
  if (what.library == Library::mpi_host || what.library == Library::mpi_gpu)
    cost.receive_s = [](OnReceive then, double bytes) { return then == OnReceive::add ? host_adding_s(bytes) : 0.0; };
  const Timeline timeline =
      simulate(schedule_of(what, channels), 1, cluster_of(all, what.library, wiring), cost, {.fidelity = fidelity});
  double end_s = 0;
  for (const Interval& interval : timeline.intervals) end_s = std::max(end_s, interval.end_s);
  return start_s + end_s;
}

double simulated_step_s(const Schedule& schedule, const CostModel& cost, const Placing& placing, const GpuWiring& wiring,
                        Fidelity fidelity) {
  const Timeline timeline = simulate(schedule, 2, cluster_of(placing, Library::nccl, wiring), cost, {.fidelity = fidelity});
  return step_times(schedule, timeline, 1).step_time_s;
}

}  // namespace convoy
