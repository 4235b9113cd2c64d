/// SimulatedMachine: the devices, links and cores of a cluster, and the clock that they share.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "reference/schedule/timeline.h"
#include "simulator/engine/cores.h"
#include "simulator/engine/event_queue.h"
#include "simulator/engine/shared_links.h"
#include "simulator/platform/cluster.h"
#include "simulator/platform/network.h"

namespace convoy {

/// What to do about flows that meet.
enum class Sharing : std::uint8_t {
  none,     ///< nothing: every flow has the whole of its links
  meeting,  ///< flows that meet on a link share it, by SimGrid; the others need none
  all,      ///< SimGrid moves all flows, whether they meet or not. The same times, for tests
};

/// From one rank to another: the bytes of `rounds` messages that follow each other, together, after all their latencies.
struct Shipment {
  int from = 0;
  int to = 0;
  double bytes = 0;
  double rounds = 1;
  double extra_latency_s = 0;  ///< for what the receiver does between the rounds
};

/// The ranks of a schedule on devices of a cluster. One per process: see SharedLinks.
class SimulatedMachine {
 public:
  /// Called when what was begun with this token is over.
  using Done = std::function<void(std::uint32_t token)>;
  struct Handlers {
    Done worked;   ///< of wait_until() and work()
    Done arrived;  ///< of send()
  };
  /// `devices`: of every rank, as an endpoint of the Network: a device, or the host of a node.
  SimulatedMachine(const Cluster& cluster, std::vector<int> devices, Sharing sharing, Handlers handlers);
  SimulatedMachine(const SimulatedMachine&) = delete;
  SimulatedMachine& operator=(const SimulatedMachine&) = delete;

  [[nodiscard]] double now_s() const { return now_s_; }
  [[nodiscard]] const Cluster& cluster() const { return cluster_; }
  /// What a message of this size sees when nothing else is under way.
  [[nodiscard]] LinkModel idle_link(int from, int to, double message_bytes) const {
    return network_.path(device(from), device(to), message_bytes);
  }
  /// The node that a rank is on.
  [[nodiscard]] int node(int rank) const { return network_.node_of(device(rank)); }
  /// Whether a rank is the host of a node, and no device.
  [[nodiscard]] bool is_host(int rank) const { return device(rank) >= network_.ranks(); }
  /// Whether the ranks of a node share its cores with each other and with the messages they receive.
  [[nodiscard]] bool shares_cores() const { return cluster_.cores_per_node > 0; }

  /// From now on compute ops lose `share` of a device while communication of its rank is under way. Not where cores are shared.
  void let_communication_take(double share);
  [[nodiscard]] bool communication_takes_compute() const { return communication_share_ > 0; }
  /// Communication of a rank begins, or is over.
  void communicates(int rank, bool begins);

  void wait_until(double time_s, std::uint32_t token) { events_.push(time_s, EventKind::op_ends, token); }
  /// Keeps `cores` cores of the node of `rank` busy with what takes `time_s` when the node has cores to spare. Without cores to
  /// share it only takes that time, or longer where communication takes a part of the device.
  void work(int rank, double cores, double time_s, std::uint32_t token);
  /// Both ends are ready.
  void send(const Shipment& shipment, std::uint32_t token);
  /// Goes on until nothing happens any more.
  void run();
  /// The links that were used most of what they could, most first, `count` at most; those that nothing went over are left out.
  /// None where Sharing::none keeps flows off the links.
  [[nodiscard]] std::vector<LinkTraffic> busiest(std::size_t count) const;

 private:
  enum class State : std::uint8_t { latency, alone, shared, moved };
  struct Flow {
    Shipment shipment;
    std::uint32_t token = 0;
    int parts = 0;  ///< that are still to end: the flow through the links, the work of the receiver
    State state = State::latency;
    double begin_s = 0;       ///< of the transfer
    double end_s = 0;         ///< of the transfer, as long as it is alone
    double rate = 0;          ///< bytes/s when alone
    std::uint64_t stamp = 0;  ///< of the event that ends it
    std::vector<int> links;
  };
  struct LinkUse {
    int flows = 0;
    std::int64_t alone = -1;  ///< the flow that has the link for itself, outside SimGrid
    double bytes = 0;         ///< of all flows so far
    int most_flows = 0;       ///< at one time
  };

  [[nodiscard]] int device(int rank) const { return devices_[static_cast<std::size_t>(rank)]; }
  void handle(const Event& event);
  void go_on();
  void begin_transfer(std::uint32_t id);
  void occupy(std::uint32_t id);
  void release(Flow& flow);
  void hand_over(std::uint32_t id);
  void moved(std::uint32_t id);
  void part_ended(std::uint32_t id);
  void add_work(int rank, double cores, double time_s, std::uint32_t owner);
  void cores_done(std::uint32_t pool, std::uint64_t stamp);
  void schedule_pool(std::uint32_t pool);

  const Cluster& cluster_;
  std::vector<int> devices_;
  Sharing sharing_;
  Handlers handlers_;
  Network network_;
  double now_s_ = 0;
  EventQueue events_;
  std::vector<Flow> flows_;
  std::vector<std::uint32_t> free_flows_;
  std::vector<LinkUse> links_;
  std::vector<CorePool> pools_;             ///< by node; where communication takes a part of devices, by rank
  std::vector<std::uint64_t> pool_stamps_;  ///< of the event that is still awaited
  double communication_share_ = 0;
  std::vector<int> communications_;  ///< under way, by rank
  std::uint64_t stamps_ = 0;
  SharedLinks shared_;
};

}  // namespace convoy
