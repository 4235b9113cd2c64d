#include "simulator/validate/simulated.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "reference/collectives/choose.h"
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

/// Our algorithm that does what a library says it does; "" where there is none. Trees of NCCL that are chains within nodes are
/// none of ours.
std::string_view algorithm_named(std::string_view choice, const Placing& placing) {
  constexpr std::array kOurs = {std::pair{"ring", "ring"}, std::pair{"recursive doubling", "recursive_doubling"},
                                std::pair{"binomial tree", "binomial"}};
  for (const auto& [theirs, ours] : kOurs)
    if (choice.starts_with(theirs)) return ours;
  return choice.starts_with("tree") && placing.ranks_per_node == 1 ? "double_binary_tree" : "";
}

CollectiveCandidate way_of(const SimulatedCollective& what, std::string_view choice, std::int64_t count, const Cluster& cluster) {
  // As many rings as NICs, each leaving the nodes by another.
  const int channels = what.placing.nodes > 1 ? std::clamp(cluster.nics_per_node, 1, what.placing.ranks_per_node) : 1;
  const std::string_view named = what.jobs > 1 ? "ring" : algorithm_named(choice, what.placing);
  for (const CollectiveAlgorithm& row : collective_algorithms()) {
    if (row.kind != what.kind || row.name != named) continue;
    CollectiveCandidate way{.algorithm = row.name, .channels = named == "ring" ? channels : row.usual_channels};
    way.chunks = row.is_pipelined && count >= 64 * way.channels ? 16 : 1;
    return way;
  }
  if (what.jobs > 1) throw NotDone("no ring of that kind");
  const GroupTopology topology{.ranks_per_node = what.placing.ranks_per_node,
                               .in_node = cluster.node_link,
                               .between_nodes = cluster.nic,
                               .nics_per_node = cluster.nics_per_node};
  return choose_algorithm(what.kind, {.world_size = what.placing.ranks(), .count = count}, size_bytes(DType::f32), topology).best;
}

Schedule schedule_of(const SimulatedCollective& what, std::string_view choice, const Cluster& cluster) {
  const auto count = std::max<std::int64_t>(1, static_cast<std::int64_t>(what.bytes / size_bytes(DType::f32)));
  const CollectiveCandidate way = way_of(what, choice, count, cluster);
  return schedule_of_collective({.kind = what.kind,
                                 .algorithm = std::string(way.algorithm),
                                 .axis = 0,
                                 .id = 0,
                                 .root = 0,
                                 .chunks = way.chunks,
                                 .region = {.buffer = 0, .slice = {0, count}},
                                 .channels = way.channels,
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
  Placing all = what.placing;
  all.ranks_per_node *= what.jobs;
  Cluster cluster = cluster_of(all, what.library, wiring);
  double start_s = 0;
  std::string choice;
  if (what.library == Library::nccl) {
    const NcclWay way = nccl_way(what.kind, what.bytes, what.placing, wiring, what.usage);
    if (what.placing.ranks() == 1) return way.time_s;
    start_s = way.start_s;
    choice = way.choice;
    if (what.placing.ranks_per_node > 1) cluster.node_link = way.in_node;
    if (what.placing.nodes > 1) cluster.nic = way.nic;
  } else {
    if (what.placing.ranks() == 1) return 0;
    choice = library_time(what.library, what.kind, what.bytes, what.placing, wiring, what.usage).choice;
    if (what.library == Library::mpi_gpu && is_reduction(what.kind)) {  // on the host, between copies out of the GPU and back
      cluster = cluster_of(all, Library::mpi_host, wiring);
      start_s = 2 * gpu_copy_s(what.bytes, what.placing.ranks_per_node, wiring);
    }
  }
  CostModel cost = free_compute();
  if (what.library == Library::mpi_host || what.library == Library::mpi_gpu)
    cost.receive_s = [](OnReceive then, double bytes) { return then == OnReceive::add ? host_adding_s(bytes) : 0.0; };
  const Timeline timeline = simulate(schedule_of(what, choice, cluster), 1, cluster, cost, {.fidelity = fidelity});
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
