/// CorePool: the cores of a node, shared by all that computes and receives on it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <queue>
#include <vector>

namespace convoy {

// Note [cores of a node]
// When a cluster states node.cores, compute ops and messages take them from one pool per node. A compute op that takes t seconds
// on an idle node keeps cores_per_rank cores busy for t seconds. A message keeps communication_cores cores busy at the
// *receiving* rank's node for bytes/bandwidth, after its latency, in which nobody works (a thread waits to be woken up). Adding
// or copying what arrived (CostModel::receive_s) is work of the same kind. While the demand of everything that runs on a node is
// below its cores, everything runs at full speed; above, everything slows down in proportion: with demand D on C cores it takes
// D/C times as long. Messages within a node are this work and nothing else, since they are copied by a core through memory;
// messages between nodes are a flow through the NICs as well, and end when both have. What sharing the memory bandwidth costs is
// not here but in the times of the compute ops: measure those with as many ranks running (convoy profile).
//
// A device that does not share cores has a pool of its own where messages take a part of it (SimulationOptions::
// communication_share): compute ops are the only work in it, and its speed is limited while a message of its rank is under way.
//
// As all slow down by the same factor, one clock for all of them is enough: it runs at the speed min(1, C/D), and work of t
// seconds is done when the clock has advanced by t.

class CorePool {
 public:
  explicit CorePool(double cores) : cores_(cores) {}
  /// Work of `time_s` seconds at full speed on `cores` cores begins.
  void add(double now_s, double cores, double time_s, std::uint32_t owner) {
    advance(now_s);
    demand_ += cores;
    running_.push({clock_s_ + time_s, added_++, cores, owner});
  }
  /// From now on nothing runs faster than this, 1 being full speed.
  void limit(double now_s, double speed) {
    advance(now_s);
    limit_ = speed;
  }
  [[nodiscard]] bool busy() const { return !running_.empty(); }
  /// When the next work is done if nothing begins before. There must be some.
  [[nodiscard]] double next_s() const { return now_s_ + (running_.top().done_s - clock_s_) / speed(); }
  /// Takes the next work, which is done at `now_s`, away.
  std::uint32_t pop(double now_s) {
    advance(now_s);
    const Work work = running_.top();
    running_.pop();
    clock_s_ = work.done_s;
    demand_ = running_.empty() ? 0 : demand_ - work.cores;
    return work.owner;
  }

 private:
  struct Work {
    double done_s;  ///< by clock_s_
    std::uint64_t order;
    double cores;
    std::uint32_t owner;
    bool operator<(const Work& other) const { return done_s != other.done_s ? done_s > other.done_s : order > other.order; }
  };
  [[nodiscard]] double speed() const { return std::min(limit_, demand_ <= cores_ ? 1 : cores_ / demand_); }
  void advance(double now_s) {
    if (!running_.empty()) clock_s_ += (now_s - now_s_) * speed();
    now_s_ = now_s;
  }

  double cores_;
  double demand_ = 0;
  double limit_ = 1;
  double now_s_ = 0;
  double clock_s_ = 0;
  std::uint64_t added_ = 0;
  std::priority_queue<Work> running_;
};

}  // namespace convoy
