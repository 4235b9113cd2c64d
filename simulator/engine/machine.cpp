#include "simulator/engine/machine.h"

#include <algorithm>
#include <string>

#include "reference/core/error.h"

// Note [the network]
// Every device has a link up and one down (node.link), every NIC too (node.nic); the switch is not modelled, as it has full
// bandwidth between all nodes. A message takes
//
//     in a node         up(device a) ------------------------------------ down(device b)
//     between nodes     up(device a) - up(NIC of a) - down(NIC of b) - down(device b)
//
// all at once, at one rate, as a fluid. A node with a single device has no device links. Messages that share a link share it
// evenly (max-min fairness): that is the contention.

// Note [even sharing]
// SimGrid's CM02 shares a link in inverse proportion to the latencies of the routes, as TCP does. InfiniBand and NVLink, with
// credits, share evenly. So every route gets the same raw latency, kRawLatency_s on its first link and 0 on all others, and the
// factor on latencies, a callback, turns it into the latency that the cluster states for the pair.

// Note [cores of a node]
// When a cluster states node.cores, compute ops and messages take them from one pool per node. A compute op that takes t seconds
// on an idle node is t * cores_per_rank core-seconds of work and never uses more than cores_per_rank cores at a time. A message
// is bytes/bandwidth * communication_cores core-seconds at the *receiving* rank's node, after its latency, in which nobody works
// (a thread waits to be woken up). Adding or copying what arrived (CostModel::receive_s) is work of the same kind. While the
// demand of everything that runs on a node is below its cores, everything runs at full speed; above, everything slows down in
// proportion: with demand D on C cores it takes D/C times as long. Messages within a node are this work and nothing else, since
// they are copied by a core through memory; messages between nodes are a flow through the NICs as well, and end when both have.
// What sharing the memory bandwidth costs is not here but in the times of the compute ops: measure those with as many ranks
// running (convoy profile).

namespace convoy {
namespace {

constexpr double kRawLatency_s = 1e-7;
/// SimGrid's "flops" in a core-second. Large, so that its absolute tolerances do not matter.
constexpr double kWorkPerCoreSecond = 1e9;

/// CM02 without cross-traffic is Hockney's model exactly: time = latency + bytes/bandwidth. TCP-gamma would cap the rate of
/// messages on long routes. The precision is that below which SimGrid merges events; at its default of 1 ns errors add up.
/// AddressSanitizer takes an exception on the stack of one of SimGrid's own contexts for an overflow; on threads it does not.
std::unique_ptr<sg::s4u::Engine> make_engine() {
  std::vector<std::string> words = {"convoy",
                                    "--log=root.thresh:critical",
                                    "--cfg=network/model:CM02",
                                    "--cfg=network/crosstraffic:0",
                                    "--cfg=network/TCP-gamma:1e18",
                                    cat("--cfg=", sg::kTimePrecision, ":1e-15")};
#ifdef __SANITIZE_ADDRESS__
  words.emplace_back("--cfg=contexts/factory:thread");
#endif
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int argc = static_cast<int>(words.size());
  return std::make_unique<sg::s4u::Engine>(&argc, argv.data());
}

/// A link in each direction.
struct Duplex {
  sg::s4u::Link* up;
  sg::s4u::Link* down;
};

Duplex add_duplex(sg::s4u::NetZone& zone, const std::string& name, double bandwidth_bytes_per_s, bool first_of_route) {
  const Duplex link{sg::add_link(zone, name + ".up", bandwidth_bytes_per_s),
                    sg::add_link(zone, name + ".down", bandwidth_bytes_per_s)};
  link.up->set_latency(first_of_route ? kRawLatency_s : 0);
  link.down->set_latency(0.0);
  return link;
}

}  // namespace

SimulatedMachine::SimulatedMachine(const Cluster& cluster, int ranks) : cluster_(cluster), engine_(make_engine()) {
  require_ranks(cluster, ranks);
  network_ = sg::add_star(*engine_, "cluster");
  add_network(ranks);
  if (shares_cores()) add_cores(ranks);
  sg::seal(*engine_, *network_);
  sg::set_latency_factor(*network_, [this](const sg::s4u::Host* from, const sg::s4u::Host* to) {
    return cluster_.link(*from->get_data<int>(), *to->get_data<int>()).latency_s / kRawLatency_s;
  });
}

void SimulatedMachine::add_network(int ranks) {
  const bool one_node = cluster_.node_of(ranks - 1) == 0;
  const bool device_links = cluster_.devices_per_node > 1;
  std::vector<Duplex> devices;
  std::vector<Duplex> nics;  // node by node
  ranks_.resize(static_cast<std::size_t>(ranks));
  for (int r = 0; r < ranks; ++r) {
    ranks_[static_cast<std::size_t>(r)] = r;
    hosts_.push_back(sg::add_host(*network_, cat("rank", r), kWorkPerCoreSecond));
    hosts_.back()->set_data(&ranks_[static_cast<std::size_t>(r)]);
    if (device_links) devices.push_back(add_duplex(*network_, cat("device", r), cluster_.node_link.bandwidth_bytes_per_s, true));
    const std::size_t nic = static_cast<std::size_t>(cluster_.node_of(r)) * static_cast<std::size_t>(cluster_.nics_per_node) +
                            static_cast<std::size_t>(cluster_.nic_of(r));
    while (!one_node && nics.size() <= nic)
      nics.push_back(add_duplex(*network_, cat("nic", nics.size()), cluster_.nic.bandwidth_bytes_per_s, !device_links));

    std::vector<sg::s4u::LinkInRoute> up;
    std::vector<sg::s4u::LinkInRoute> down;
    if (!one_node) down.emplace_back(nics[nic].down);
    if (device_links) up.emplace_back(devices.back().up), down.emplace_back(devices.back().down);
    if (!one_node) up.emplace_back(nics[nic].up);
    sg::add_route_up(*network_, hosts_.back(), up);
    sg::add_route_down(*network_, hosts_.back(), down);
  }
  if (one_node || !device_links) return;
  for (int a = 0; a < ranks; ++a) {
    const int first = cluster_.node_of(a) * cluster_.devices_per_node;
    for (int b = first; b < std::min(ranks, first + cluster_.devices_per_node); ++b)
      if (a != b)
        sg::add_bypass(*network_, host(a), host(b),
                       {sg::s4u::LinkInRoute(devices[static_cast<std::size_t>(a)].up),
                        sg::s4u::LinkInRoute(devices[static_cast<std::size_t>(b)].down)});
  }
}

void SimulatedMachine::add_cores(int ranks) {
  for (int node = 0; node <= cluster_.node_of(ranks - 1); ++node)
    cores_.push_back(sg::add_host(*network_, cat("cores", node), kWorkPerCoreSecond * cluster_.cores_per_node));
}

void SimulatedMachine::work(int rank, double cores, double time_s) const {
  if (!(time_s > 0)) return;
  if (!shares_cores() || !(cores > 0)) {
    sg::s4u::this_actor::sleep_for(time_s);
    return;
  }
  // Weighted max-min fairness with weight = bound = cores gives the proportional slow-down of the note.
  const sg::s4u::ExecPtr exec = sg::s4u::this_actor::exec_init(time_s * cores * kWorkPerCoreSecond);
  exec->set_host(cores_[static_cast<std::size_t>(cluster_.node_of(rank))]);
  exec->set_bound(cores * kWorkPerCoreSecond);
  exec->set_priority(cores);
  exec->start();
  exec->wait();
}

}  // namespace convoy
