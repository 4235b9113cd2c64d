#include "simulator/engine/machine.h"

#include <algorithm>

#include "reference/core/error.h"

namespace convoy {
namespace {

/// Owners of work: computing of a token, or receiving of a flow.
constexpr std::uint32_t kReceiving = 1U << 31U;

/// Nodes from the first to the last on which there is an endpoint.
int nodes_of(const Network& network, const std::vector<int>& endpoints) {
  int last = 0;
  for (const int endpoint : endpoints) last = std::max(last, network.node_of(endpoint));
  return last + 1;
}

/// Of the links that the endpoints use. Links that no route uses may have a bandwidth of 0, which SimGrid does not take.
std::vector<double> bandwidths(const Network& network, const std::vector<int>& endpoints) {
  std::vector<double> bytes_per_s;
  for (int link = 0; link < network.links_of_first_nodes(nodes_of(network, endpoints)); ++link)
    bytes_per_s.push_back(std::max(network.bandwidth_bytes_per_s(link), 1.0));
  return bytes_per_s;
}

}  // namespace

SimulatedMachine::SimulatedMachine(const Cluster& cluster, std::vector<int> devices, Sharing sharing, Handlers handlers)
    : cluster_(cluster),
      devices_(std::move(devices)),
      sharing_(sharing),
      handlers_(std::move(handlers)),
      network_(cluster),
      shared_(
          sharing == Sharing::none ? std::vector<double>{} : bandwidths(network_, devices_),
          [this](std::uint32_t flow, double now_s) {
            now_s_ = std::max(now_s_, now_s);
            moved(flow);
            go_on();
          },
          [this](double now_s) {
            while (!events_.empty() && events_.next_s() <= now_s) handle(events_.pop());
            go_on();
          }) {
  const int node_count = nodes_of(network_, devices_);
  if (sharing != Sharing::none) links_.resize(static_cast<std::size_t>(network_.links_of_first_nodes(node_count)));
  if (!shares_cores()) return;
  const auto nodes = static_cast<std::size_t>(node_count);
  pools_.assign(nodes, CorePool(cluster.cores_per_node));
  pool_stamps_.assign(nodes, 0);
}

void SimulatedMachine::run() {
  do {
    go_on();
    if (shared_.busy()) shared_.run();
  } while (!events_.empty() || shared_.busy());
}

/// Handles events until SimGrid has something to say about when the next one is.
void SimulatedMachine::go_on() {
  while (!events_.empty() && !shared_.busy()) handle(events_.pop());
  if (!events_.empty()) shared_.wake_at(events_.next_s());
}

void SimulatedMachine::handle(const Event& event) {
  now_s_ = std::max(now_s_, event.time_s);
  switch (event.kind) {
    case EventKind::op_ends: return handlers_.worked(event.index);
    case EventKind::latency_ends: return begin_transfer(event.index);
    case EventKind::transfer_ends:
      if (Flow& flow = flows_[event.index]; flow.state == State::alone && flow.stamp == event.stamp) moved(event.index);
      return;
    case EventKind::cores_are_done: return cores_done(event.index, event.stamp);
  }
}

void SimulatedMachine::work(int rank, double cores, double time_s, std::uint32_t token) {
  if (time_s > 0 && cores > 0 && (shares_cores() || communication_takes_compute())) return add_work(rank, cores, time_s, token);
  wait_until(now_s_ + time_s, token);
}

void SimulatedMachine::let_communication_take(double share) {
  require(!shares_cores() && share > 0 && share < 1, "simulate", "communication takes ", share, " of a device");
  communication_share_ = share;
  constexpr double kAnyNumber = 1e9;  // of compute ops at the same time
  pools_.assign(devices_.size(), CorePool(kAnyNumber));
  pool_stamps_.assign(devices_.size(), 0);
  communications_.assign(devices_.size(), 0);
}

void SimulatedMachine::communicates(int rank, bool begins) {
  if (!communication_takes_compute()) return;
  const auto pool = static_cast<std::uint32_t>(rank);
  int& under_way = communications_[pool];
  const bool before = under_way > 0;
  under_way += begins ? 1 : -1;
  if (before == (under_way > 0)) return;
  pools_[pool].limit(now_s_, before ? 1 : 1 - communication_share_);
  schedule_pool(pool);
}

void SimulatedMachine::send(const Shipment& shipment, std::uint32_t token) {
  std::uint32_t id = static_cast<std::uint32_t>(flows_.size());
  if (free_flows_.empty()) {
    require(id < kReceiving, "simulate", "more than 2^31 messages are on their way");
    flows_.emplace_back();
  } else {
    id = free_flows_.back();
    free_flows_.pop_back();
  }
  Flow& flow = flows_[id];
  flow.shipment = shipment;
  flow.token = token;
  flow.state = State::latency;
  const LinkModel idle = idle_link(shipment.from, shipment.to, shipment.bytes / shipment.rounds);
  const double latency_s = shipment.rounds * idle.latency_s + shipment.extra_latency_s;
  flow.begin_s = now_s_ + latency_s;
  flow.rate = idle.bandwidth_bytes_per_s;
  flow.end_s = now_s_ + (latency_s + shipment.bytes / flow.rate);  // in this order, the bits of the formula
  if (latency_s > 0)
    events_.push(flow.begin_s, EventKind::latency_ends, id);
  else
    begin_transfer(id);
}

void SimulatedMachine::begin_transfer(std::uint32_t id) {
  Flow& flow = flows_[id];
  const Shipment& shipment = flow.shipment;
  const bool works = shares_cores() && cluster_.communication_cores > 0;
  const bool moves = !works || node(shipment.from) != node(shipment.to);
  flow.parts = (works ? 1 : 0) + (moves ? 1 : 0);
  if (works) add_work(shipment.to, cluster_.communication_cores, shipment.bytes / flow.rate, id | kReceiving);
  if (moves) occupy(id);
}

/// Puts a flow on its links, with those that are there already in SimGrid, without any by itself.
void SimulatedMachine::occupy(std::uint32_t id) {
  Flow& flow = flows_[id];
  const bool on_links = sharing_ != Sharing::none && flow.shipment.bytes > 0;
  bool meets = on_links && sharing_ == Sharing::all;
  if (on_links) {
    network_.route(device(flow.shipment.from), device(flow.shipment.to), flow.links);
    for (const int link : flow.links) {
      LinkUse& use = links_[static_cast<std::size_t>(link)];
      // What ends now, in an event that is still to come, is in nobody's way.
      if (use.alone >= 0 && flows_[static_cast<std::size_t>(use.alone)].end_s <= now_s_)
        release(flows_[static_cast<std::size_t>(use.alone)]);
      if (use.alone >= 0) hand_over(static_cast<std::uint32_t>(use.alone));
      meets = meets || use.flows > 0;
    }
    for (const int link : flow.links) {
      LinkUse& use = links_[static_cast<std::size_t>(link)];
      use.bytes += flow.shipment.bytes;
      use.most_flows = std::max(use.most_flows, ++use.flows);
    }
  }
  if (meets) {
    flow.state = State::shared;
    shared_.start(id, flow.links, flow.shipment.bytes, now_s_);
    return;
  }
  flow.state = State::alone;
  flow.stamp = ++stamps_;
  for (const int link : flow.links) links_[static_cast<std::size_t>(link)].alone = id;
  events_.push(std::max(flow.end_s, now_s_), EventKind::transfer_ends, id, flow.stamp);
}

std::vector<LinkTraffic> SimulatedMachine::busiest(std::size_t count) const {
  const auto utilisation = [&](std::size_t link) {
    return links_[link].bytes / (network_.bandwidth_bytes_per_s(static_cast<int>(link)) * now_s_);
  };
  std::vector<std::size_t> used;
  for (std::size_t link = 0; link < links_.size(); ++link)
    if (links_[link].bytes > 0 && now_s_ > 0) used.push_back(link);
  const auto busier = [&](std::size_t a, std::size_t b) {
    const double of_a = utilisation(a), of_b = utilisation(b);
    return of_a != of_b ? of_a > of_b : a < b;
  };
  const std::size_t kept = std::min(count, used.size());
  std::partial_sort(used.begin(), used.begin() + static_cast<std::ptrdiff_t>(kept), used.end(), busier);
  std::vector<LinkTraffic> busiest;
  for (std::size_t i = 0; i < kept; ++i)
    busiest.push_back({.name = network_.link_name(static_cast<int>(used[i])),
                       .bytes = links_[used[i]].bytes,
                       .utilisation = utilisation(used[i]),
                       .most_flows = links_[used[i]].most_flows});
  return busiest;
}

/// Gives what is left of a flow that was alone to SimGrid.
void SimulatedMachine::hand_over(std::uint32_t id) {
  Flow& flow = flows_[id];
  for (const int link : flow.links) links_[static_cast<std::size_t>(link)].alone = -1;
  flow.state = State::shared;
  shared_.start(id, flow.links, flow.shipment.bytes - (now_s_ - flow.begin_s) * flow.rate, now_s_);
}

void SimulatedMachine::release(Flow& flow) {
  for (const int link : flow.links) {
    LinkUse& use = links_[static_cast<std::size_t>(link)];
    --use.flows;
    use.alone = -1;
  }
  flow.links.clear();
}

void SimulatedMachine::moved(std::uint32_t id) {
  release(flows_[id]);
  flows_[id].state = State::moved;
  part_ended(id);
}

void SimulatedMachine::part_ended(std::uint32_t id) {
  if (--flows_[id].parts > 0) return;
  const std::uint32_t token = flows_[id].token;
  free_flows_.push_back(id);
  handlers_.arrived(token);
}

void SimulatedMachine::add_work(int rank, double cores, double time_s, std::uint32_t owner) {
  const auto pool = static_cast<std::uint32_t>(communication_takes_compute() ? rank : node(rank));
  pools_[pool].add(now_s_, cores, time_s, owner);
  schedule_pool(pool);
}

void SimulatedMachine::schedule_pool(std::uint32_t pool) {
  pool_stamps_[pool] = ++stamps_;
  if (pools_[pool].busy()) events_.push(std::max(now_s_, pools_[pool].next_s()), EventKind::cores_are_done, pool, stamps_);
}

void SimulatedMachine::cores_done(std::uint32_t pool, std::uint64_t stamp) {
  if (pool_stamps_[pool] != stamp) return;  // something began or ended since
  const std::uint32_t owner = pools_[pool].pop(now_s_);
  schedule_pool(pool);
  if ((owner & kReceiving) != 0)
    part_ended(owner & ~kReceiving);
  else
    handlers_.worked(owner);
}

}  // namespace convoy
